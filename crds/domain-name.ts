/**
 * The name that a Server's domain gets when it is created. libvirt refuses duplicate names, so the name ends with the
 * first eight digits of the Server's uid.
 */
export const domainNameOf = ({ name, uid = '' }: { name: string; uid?: string | undefined }): string =>
  `${name.slice(0, 80)}-${uid.slice(0, 8)}`
