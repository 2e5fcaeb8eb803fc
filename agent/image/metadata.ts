/** The files of the metadata service and of the config drive, with Nova's names and contents. */
import type { Guest } from '../../actions/host/index.ts'
import type { InjectedBundle } from '../../actions/injected-bundle.ts'
import { diskTargetPrefixes } from '../domain/devices/disk.ts'
import { buildNetworkData } from './network-data.ts'

/**
 * Versions of OpenStack's layout (nova/api/metadata/base.py). Each contains everything that the earlier ones contain.
 */
const VERSIONS = [
  '2012-08-10',
  '2013-04-04',
  '2013-10-17',
  '2015-10-15',
  '2016-06-30',
  '2016-10-06',
  '2017-02-22',
  '2018-08-27',
  '2020-10-14',
  'latest',
] as const
type Version = (typeof VERSIONS)[number]

const isSince = (first: Version, version: Version) => VERSIONS.indexOf(version) >= VERSIONS.indexOf(first)

/** The only EC2 version that Nova serves, and its alias. */
const EC2_VERSIONS = ['2009-04-04', 'latest'] as const

/**
 * The keys are paths, such as openstack/latest/meta_data.json.
 * @param randomSeed 512 secret bytes, from which the guest seeds its random number generator
 * @param secrets what the server has from Secrets and not in its spec
 */
export function buildMetadataFiles(
  guest: Guest,
  randomSeed: Uint8Array,
  secrets: InjectedBundle = {},
): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  const add = (path: string, value: object | Uint8Array) =>
    files.set(path, value instanceof Uint8Array ? value : Buffer.from(JSON.stringify(value)))
  const userData = secrets.userData ?? inlineUserDataOf(guest)
  for (const version of EC2_VERSIONS) {
    if (userData !== undefined) add(`ec2/${version}/user-data`, userData)
    add(`ec2/${version}/meta-data.json`, buildEc2MetaData(guest))
  }
  for (const version of VERSIONS) {
    const folder = `openstack/${version}`
    add(`${folder}/meta_data.json`, { ...buildMetaData(guest, version, randomSeed), ...buildInjected(secrets) })
    if (userData !== undefined) add(`${folder}/user_data`, userData)
    if (isSince('2013-10-17', version)) add(`${folder}/vendor_data.json`, {})
    if (isSince('2015-10-15', version)) add(`${folder}/network_data.json`, buildNetworkData(guest.instance.interfaces))
    if (isSince('2016-10-06', version)) add(`${folder}/vendor_data2.json`, { static: {} })
  }
  for (const [index, { contents }] of (secrets.files ?? []).entries()) add(`openstack${contentPath(index)}`, contents)
  return files
}

const contentPath = (index: number): string => `/content/${String(index).padStart(4, '0')}`

function buildInjected({ adminPassword, files = [] }: InjectedBundle): object {
  const paths = files.map(({ path }, index) => ({ path, content_path: contentPath(index) }))
  return {
    ...(paths.length > 0 && { files: paths }),
    ...(adminPassword !== undefined && { admin_pass: adminPassword }),
  }
}

function inlineUserDataOf({ server: { spec } }: Guest): Uint8Array | undefined {
  if (spec.userData !== undefined) return Buffer.from(spec.userData)
  return spec.userDataBase64 === undefined ? undefined : Buffer.from(spec.userDataBase64, 'base64')
}

function buildMetaData({ server, instance }: Guest, version: Version, randomSeed: Uint8Array): object {
  const { spec, metadata } = server
  const meta = spec.metadata ?? {}
  const { keys } = instance
  return {
    uuid: instance.uuid,
    ...(Object.keys(meta).length > 0 && { meta }),
    ...(keys.length > 0 && { public_keys: Object.fromEntries(keys.map(({ name, data }) => [name, data])), keys }),
    hostname: hostnameOf({ server, instance }),
    name: spec.displayName ?? metadata.name,
    launch_index: 0,
    availability_zone: instance.availabilityZone,
    ...(isSince('2013-04-04', version) && { random_seed: Buffer.from(randomSeed).toString('base64') }),
    ...(isSince('2015-10-15', version) && { project_id: metadata.namespace ?? '' }),
    ...(isSince('2016-06-30', version) && { devices: taggedDevicesOf(instance, version) }),
    ...(isSince('2020-10-14', version) && { dedicated_cpus: [] }),
  }
}

/** libvirt has not chosen the PCI addresses yet, so the address is `none`, as in Nova. */
function taggedDevicesOf({ interfaces }: Guest['instance'], version: Version): object[] {
  return interfaces
    .filter((nic) => nic.tag !== undefined)
    .map((nic) => ({
      ...(isSince('2018-08-27', version) && { vf_trusted: false }),
      type: 'nic',
      mac: nic.macAddress,
      bus: 'pci',
      address: 'none',
      tags: [nic.tag],
    }))
}

/** Nova makes the ids from numbers in its database; here they are made from UUIDs. */
function buildEc2MetaData(guest: Guest): object {
  const { uuid, image, flavor, interfaces, keys, availabilityZone } = guest.instance
  const shortId = (id: string) => id.replaceAll('-', '').slice(0, 8)
  const hostname = hostnameOf(guest)
  const ipv4 = interfaces.flatMap((nic) => nic.fixedIPs).find((ip) => !ip.address.includes(':'))
  const key = keys[0]
  return {
    'ami-id': `ami-${shortId(image.uid)}`,
    'ami-launch-index': 0,
    // Nova's guests get this literal value.
    'ami-manifest-path': 'FIXME',
    'instance-id': `i-${shortId(uuid)}`,
    hostname,
    'local-ipv4': ipv4?.address ?? null,
    'reservation-id': `r-${shortId(uuid)}`,
    'security-groups': [],
    ...(key !== undefined && { 'public-keys': { 0: { _name: `0=${key.name}`, 'openssh-key': key.data } } }),
    'local-hostname': hostname,
    'public-hostname': hostname,
    'public-ipv4': '',
    'instance-type': flavor.name,
    'block-device-mapping': blockDeviceMappingOf(guest.instance),
    placement: { 'availability-zone': availabilityZone },
    'instance-action': 'none',
  }
}

/** In the order of agent/domain/devices/disk.ts: root, ephemeral, swap. */
function blockDeviceMappingOf({ flavor, image }: Guest['instance']): object {
  const prefixes: Readonly<Record<string, string | undefined>> = diskTargetPrefixes
  const prefix = prefixes[image.properties?.['hw_disk_bus'] ?? 'virtio'] ?? 'vd'
  const names = ['root', ...(flavor.ephemeral > 0 ? ['ephemeral0'] : []), ...(flavor.swap > 0 ? ['swap'] : [])]
  const devices = names.map((name, i) => [name, `/dev/${prefix}${String.fromCharCode(97 + i)}`])
  return { ami: `${prefix}a`, ...Object.fromEntries(devices) }
}

export function hostnameOf({ server, instance }: Guest): string {
  const { hostname, displayName } = server.spec
  return hostname ?? sanitizeHostname(displayName ?? server.metadata.name, `Server-${instance.uuid}`)
}

/**
 * As in nova/utils.py, blanks, `.` and `_` become `-`, and most other characters are removed. Nova keeps letters such
 * as ü, although no host name can have them; here they lose their accent, and ß becomes ss.
 * @param fallback the result if nothing of the name is left
 */
export function sanitizeHostname(name: string, fallback: string): string {
  const hostname = name
    // The upper case of ß is SS. NFD splits Ü into U and its accent.
    .toUpperCase()
    .normalize('NFD')
    // oxlint-disable-next-line no-control-regex -- the range is all of ASCII
    .replaceAll(/[^\x00-\x7f]/g, '')
    .slice(0, 63)
    .replaceAll(/[ _.]/g, '-')
    .replaceAll(/[^A-Z0-9-]+/g, '')
    .toLowerCase()
    .replaceAll(/^-+|-+$/g, '')
  return hostname === '' ? fallback.slice(0, 63) : hostname
}
