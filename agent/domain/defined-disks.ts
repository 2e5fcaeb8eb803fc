/**
 * Reads from a domain's XML which disks the domain has. Administrators and backup programs move disks to other files
 * with libvirt's tools, so the definition, not the Server, tells where the guest's data is.
 */
import { Transient } from '../../crds/index.ts'
import { type DiskFile, type DiskRole, diskRoles } from './input.ts'
import { childAt, childrenNamed, parseXml, type XmlNode } from './parse-xml.ts'

/** libvirt keeps an alias in the definition only if the alias begins with ua-. */
const PREFIX = 'ua-kubenova-'
/**
 * Whether an administrator has given the device this alias. An alias without ua- comes from libvirt, which chooses it
 * anew at each boot.
 */
export const isForeignUserAlias = (alias: string): boolean => alias.startsWith('ua-') && !alias.startsWith(PREFIX)
export const aliasOfRole = (role: DiskRole): string => `${PREFIX}${role}`
export const aliasOfConfigDrive = `${PREFIX}config`

export interface DefinedDisks {
  /** A disk that was detached is absent. */
  own: Partial<Record<DiskRole, XmlNode>>
  /** The disks that an administrator has attached. */
  attached: XmlNode[]
}

/**
 * Finds the disk of each role by its alias, otherwise by its target name, such as vda. A disk has no alias if an older
 * agent defined it, or if an administrator attached it in place of a detached disk.
 * @param roles the roles of the disks that the Server has
 */
export function definedDisksOf(xml: string, roles: readonly DiskRole[]): DefinedDisks {
  const disks = childrenNamed(childAt(parseXml(xml, 'domain XML'), 'devices'), 'disk')
  const isRescue = disks.some(
    (disk) => aliasOf(disk) === aliasOfRole('rescue') || pathOf(disk).endsWith('/disk.rescue'),
  )
  const ordered = diskRoles.filter((role) => (role === 'rescue' ? isRescue : roles.includes(role)))
  const own: DefinedDisks['own'] = {}
  const withAlias = (role: DiskRole) => disks.find((disk) => aliasOf(disk) === aliasOfRole(role))
  let prefix = prefixOf(ordered.map(withAlias).find((disk) => disk !== undefined))
  for (const [index, role] of ordered.entries()) {
    const found = withAlias(role) ?? disks.find((disk) => isAtIndex(disk, index, prefix))
    if (found) own[role] = found
    prefix ??= prefixOf(found)
  }
  const known = new Set(Object.values(own))
  return { own, attached: disks.filter((disk) => !known.has(disk) && !isConfigDrive(disk)) }
}

const aliasOf = (disk: XmlNode): string => childAt(disk, 'alias')?.attributes['name'] ?? ''

const pathOf = (disk: XmlNode): string => childAt(disk, 'source')?.attributes['file'] ?? ''

const targetOf = (disk: XmlNode | undefined): string | undefined => childAt(disk, 'target')?.attributes['dev']

const prefixOf = (disk: XmlNode | undefined): string | undefined => targetOf(disk)?.slice(0, 2)

/**
 * @param prefix the letters with which the target name must begin, such as vd; undefined: any letters, because no disk
 * of the Server has been found yet
 */
function isAtIndex(disk: XmlNode, index: number, prefix: string | undefined): boolean {
  if (aliasOf(disk).startsWith(PREFIX) || (disk.attributes['device'] ?? 'disk') !== 'disk') return false
  const target = targetOf(disk)
  const letter = String.fromCharCode(97 + index)
  return prefix === undefined ? target?.slice(2) === letter : target === `${prefix}${letter}`
}

const isConfigDrive = (disk: XmlNode): boolean =>
  aliasOf(disk) === aliasOfConfigDrive ||
  (disk.attributes['device'] === 'cdrom' && pathOf(disk).endsWith('/disk.config'))

/**
 * Reads which file or block device holds a disk of the server.
 * @throws a Transient error (retried) with the code DiskUnusable if the disk is neither a file nor a block device, or
 * its format is neither qcow2 nor raw
 */
export function diskFileOf(disk: XmlNode, role: string): DiskFile {
  const { type = 'file' } = disk.attributes
  const { file, dev } = childAt(disk, 'source')?.attributes ?? {}
  const path = { file, block: dev }[type]
  const format = childAt(disk, 'driver')?.attributes['type'] ?? 'raw'
  if (path === undefined)
    throw unusable(`the domain's definition has ${file ?? dev ?? 'no file'} of type ${type} as its ${role} disk`)
  if (format !== 'qcow2' && format !== 'raw') throw unusable(`the ${role} disk ${path} has the format ${format}`)
  return { path, format, ...(type === 'block' ? { type } : {}) }
}

const unusable = (what: string): Transient =>
  new Transient(
    'DiskUnusable',
    `${what}: give the domain a file or a block device in the format qcow2 or raw, with virsh edit`,
  )
