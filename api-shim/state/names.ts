/**
 * Names: Nova's names are free text, while the name of a Kubernetes object is a DNS subdomain. An object whose Nova
 * name is no such name has it in an annotation. Servers have it in their spec.
 */
import { randomBytes } from 'node:crypto'

interface Named {
  metadata: { name?: string | undefined; annotations?: Record<string, string> | undefined }
}

export const DISPLAY_NAME = 'compute.kubenova.io/display-name'

/** The name that clients of the OpenStack APIs see. */
export const displayNameOf = ({ metadata }: Named): string =>
  metadata.annotations?.[DISPLAY_NAME] ?? metadata.name ?? ''

const MAX_LENGTH = 50

/** A new, unique Kubernetes name that resembles the display name: `web-server-1f3a9c0b2d`. */
export function newNameFor(displayName: string, suffix = randomBytes(5).toString('hex')): string {
  const base = displayName
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_LENGTH)
    .replaceAll(/^-+|-+$/g, '')
  return `${base || 'x'}-${suffix}`
}

/** Whether the text can be the name of a Kubernetes object as it is. */
export const isKubernetesName = (text: string): boolean =>
  text.length <= 253 && /^[a-z0-9]+((-+|\.)[a-z0-9]+)*$/.test(text)
