import { createHash } from 'node:crypto'
import { domainNameOf, type Flavor, type Server, type TaskState } from '../../crds/index.ts'
import type { Links } from '../http/links.ts'
import { isoMicroseconds, isoSeconds } from '../http/time.ts'
import { terminatedAtOf } from '../state/deleted-servers.ts'
import { flavorIdOf } from '../state/flavor-facts.ts'
import { displayNameOf } from '../state/names.ts'
import { creatorIdOf, factsOf } from '../state/server-facts.ts'
import { uuidOf } from '../state/stores.ts'
import { renderSwap } from './flavors.ts'
import { powerStateOf, statusOf, taskStateOf, vmStateOf } from './server-status.ts'

export const serverNameOf = ({ metadata, spec }: Server): string => spec.displayName ?? metadata.name

/** The short form of lists. */
export const renderServerSummary = (server: Server, links: Links): object => ({
  id: uuidOf(server),
  name: serverNameOf(server),
  links: links.pair('servers', uuidOf(server)),
})

export interface ServerViewContext {
  version: number
  links: Links
  isAdmin: boolean
  /** `show` is one server, `list` the detailed list, which lacks some fields. */
  form: 'show' | 'list'
  projectIdOf(server: Server): string
  /** The ID of the server's image; undefined if it has none. */
  imageIdOf(server: Server): string | undefined
  imagePropertiesOf(server: Server): Readonly<Record<string, string>>
  flavorOf(server: Server): Flavor | undefined
  /** See state/network-labels.ts. */
  networkLabelsOf(server: Server): string
  /** UP, DOWN, MAINTENANCE or UNKNOWN; an empty string for a server without a host. */
  hostStatusOf(server: Server): string
  /** The task of a request that has not begun yet. */
  requestedTaskOf(server: Server): TaskState | undefined
}

export function renderServer(server: Server, context: ServerViewContext): object {
  const { version, isAdmin } = context
  return {
    ...renderIdentity(server, context),
    ...renderResources(server, context),
    ...renderState(server, context),
    ...(isAdmin ? renderAdminFields(server, context) : {}),
    ...(version >= 90 || (isAdmin && version >= 3) ? { 'OS-EXT-SRV-ATTR:hostname': hostnameOf(server) } : {}),
    ...renderNewerFields(server, context),
  }
}

function renderIdentity(server: Server, { links, projectIdOf }: ServerViewContext): object {
  const { accessIPv4 = '', accessIPv6 = '', diskConfig = 'MANUAL' } = factsOf(server)
  return {
    ...renderServerSummary(server, links),
    accessIPv4,
    accessIPv6,
    tenant_id: projectIdOf(server),
    user_id: creatorIdOf(server),
    metadata: { ...server.spec.metadata },
    created: isoSeconds(server.metadata.creationTimestamp ?? 0),
    updated: isoSeconds(updatedAt(server)),
    'OS-DCF:diskConfig': diskConfig,
    key_name: server.spec.keyName ?? null,
    config_drive: server.spec.configDrive ? 'True' : '',
  }
}

export function updatedAt(server: Server): string {
  const { metadata, status = {} } = server
  const times = [
    metadata.creationTimestamp,
    metadata.deletionTimestamp,
    terminatedAtOf(server),
    status.launchedAt,
    status.fault?.created,
    ...(status.conditions ?? []).map(({ lastTransitionTime }) => lastTransitionTime),
  ].filter((time) => time !== undefined)
  return times.reduce((a, b) => (a > b ? a : b), times[0] ?? new Date(0).toISOString())
}

function renderResources(server: Server, context: ServerViewContext): object {
  const { status = {}, spec } = server
  const { version } = context
  const addresses = renderAddresses(server, context.networkLabelsOf(server))
  return {
    image: renderImage(server, context),
    flavor: renderFlavorOf(server, context),
    addresses,
    'OS-EXT-AZ:availability_zone': status.instance?.availabilityZone ?? '',
    'os-extended-volumes:volumes_attached': [],
    // Nova shows the groups of the ports, so a server without ports has none.
    ...(Object.keys(addresses).length === 0 ? {} : { security_groups: [{ name: 'default' }] }),
    ...(version >= 96 ? { pinned_availability_zone: spec.availabilityZone ?? null } : {}),
  }
}

type Address = { version: number; addr: string; 'OS-EXT-IPS:type': 'fixed'; 'OS-EXT-IPS-MAC:mac_addr': string }

export const hasAddresses = ({ status }: Server): boolean => (status?.addresses ?? []).length > 0

/** @param labels see state/network-labels.ts */
export function renderAddresses({ status }: Server, labels: string): Record<string, Address[]> {
  const names = labels === '' ? [] : (JSON.parse(labels) as string[])
  const networks = new Map<string, Address[]>()
  for (const [i, { network, address, version, macAddress }] of (status?.addresses ?? []).entries()) {
    const name = names[i] ?? network
    const list = networks.get(name) ?? []
    networks.set(name, list)
    list.push({ version, addr: address, 'OS-EXT-IPS:type': 'fixed', 'OS-EXT-IPS-MAC:mac_addr': macAddress })
  }
  return Object.fromEntries(networks)
}

function renderImage(server: Server, { version, links, imageIdOf, imagePropertiesOf }: ServerViewContext): unknown {
  const id = imageIdOf(server)
  if (id === undefined) return ''
  return {
    id,
    links: [{ rel: 'bookmark', href: links.bookmark('images', id) }],
    ...(version >= 98 ? { properties: { ...imagePropertiesOf(server) } } : {}),
  }
}

const flavorNameOf = ({ spec, status }: Server): string => status?.instance?.flavor.name ?? spec.flavor

/** The ID of the server's flavor that clients see. */
export function flavorIdFor(server: Server, { flavorOf }: Pick<ServerViewContext, 'flavorOf'>): string {
  const flavor = flavorOf(server)
  return flavor ? flavorIdOf(flavor) : flavorNameOf(server)
}

function renderFlavorOf(server: Server, context: ServerViewContext): object {
  const { version, links, flavorOf } = context
  const flavor = flavorOf(server)
  const id = flavorIdFor(server, context)
  if (version < 47) return { id, links: [{ rel: 'bookmark', href: links.bookmark('flavors', id) }] }
  const sizes = server.status?.instance?.flavor ?? flavor?.spec
  const { vcpus = 0, ram = 0, disk = 0, ephemeral = 0, swap = 0, extraSpecs = {} } = sizes ?? {}
  return {
    vcpus,
    ram,
    disk,
    ephemeral,
    swap: renderSwap(swap, 75),
    original_name: flavor ? displayNameOf(flavor) : flavorNameOf(server),
    extra_specs: { ...extraSpecs },
  }
}

const progressStatuses = new Set(['ACTIVE', 'BUILD', 'REBUILD', 'RESIZE', 'VERIFY_RESIZE', 'MIGRATING'])
const faultStatuses = new Set(['ERROR', 'DELETED'])

function renderState(server: Server, { isAdmin, projectIdOf, requestedTaskOf }: ServerViewContext): object {
  const requested = requestedTaskOf(server)
  const status = statusOf(server, requested)
  const { fault, launchedAt, host } = server.status ?? {}
  const terminatedAt = terminatedAtOf(server)
  return {
    status,
    hostId: host === undefined ? '' : hostIdOf(projectIdOf(server), host),
    ...(progressStatuses.has(status) ? { progress: 0 } : {}),
    ...(fault && faultStatuses.has(status) ? { fault: renderFaultOf(fault, isAdmin) } : {}),
    'OS-EXT-STS:task_state': taskStateOf(server, requested) ?? null,
    'OS-EXT-STS:vm_state': vmStateOf(server),
    'OS-EXT-STS:power_state': powerStateOf(server),
    'OS-SRV-USG:launched_at': launchedAt === undefined ? null : isoMicroseconds(launchedAt),
    'OS-SRV-USG:terminated_at': terminatedAt === undefined ? null : isoMicroseconds(terminatedAt),
  }
}

/** The hash that tells a user which servers share a host, without telling which host. */
export const hostIdOf = (projectId: string, host: string): string =>
  createHash('sha224')
    .update(projectId + host)
    .digest('hex')

type Fault = NonNullable<NonNullable<Server['status']>['fault']>
const renderFaultOf = ({ code, created, message, details }: Fault, isAdmin: boolean): object => ({
  code,
  created: isoSeconds(created),
  message,
  ...(isAdmin && details !== undefined ? { details } : {}),
})

export const hostnameOf = (server: Server): string => server.spec.hostname ?? hostnameFrom(serverNameOf(server))

/** The host name that a guest gets if the user names none: the server's name, without what a host name cannot have. */
export const hostnameFrom = (name: string): string =>
  name
    .replaceAll(/[ _.]/g, '-')
    .replaceAll(/[^\w-]+/g, '')
    .toLowerCase()
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63) || 'server'

function renderAdminFields(server: Server, { version }: ServerViewContext): object {
  const { host = null, domain } = server.status ?? {}
  const { launchIndex = '0', reservationId = '' } = factsOf(server)
  return {
    'OS-EXT-SRV-ATTR:host': host,
    'OS-EXT-SRV-ATTR:hypervisor_hostname': host,
    // Nova names the domain before it exists.
    'OS-EXT-SRV-ATTR:instance_name': domain?.name ?? domainNameOf(server.metadata),
    ...(version < 3
      ? {}
      : {
          'OS-EXT-SRV-ATTR:kernel_id': '',
          'OS-EXT-SRV-ATTR:ramdisk_id': '',
          'OS-EXT-SRV-ATTR:launch_index': Number(launchIndex),
          'OS-EXT-SRV-ATTR:reservation_id': reservationId,
          'OS-EXT-SRV-ATTR:root_device_name': hasRootDisk(server) ? '/dev/vda' : null,
          // The shim reads user data in a Secret for nobody but the owner, so only user data in the Server's spec is
          // shown here.
          'OS-EXT-SRV-ATTR:user_data': userDataOf(server),
        }),
  }
}

/** A server gets its disk on its host, and Nova names the disk right before it spawns the domain. */
const hasRootDisk = (server: Server): boolean =>
  server.status?.host !== undefined && (vmStateOf(server) !== 'building' || taskStateOf(server) === 'spawning')

/** User data that stands in the Server itself, in base64. */
const userDataOf = ({ spec }: Server): string | null =>
  spec.userDataBase64 ?? (spec.userData === undefined ? null : Buffer.from(spec.userData).toString('base64'))

function renderNewerFields(server: Server, { version, isAdmin, form, hostStatusOf }: ServerViewContext): object {
  const { locked, lockedReason, description, tags = [] } = server.spec
  return {
    ...(version >= 9 ? { locked } : {}),
    ...(version >= 16 && isAdmin ? { host_status: hostStatusOf(server) } : {}),
    ...(version >= 19 ? { description: description ?? null } : {}),
    ...(version >= 26 ? { tags: [...tags] } : {}),
    ...(version >= 63 ? { trusted_image_certificates: null } : {}),
    ...(version >= 71 && form === 'show' ? { server_groups: [] } : {}),
    ...(version >= 73 ? { locked_reason: lockedReason ?? null } : {}),
    ...(version >= 100 ? { scheduler_hints: renderHints(server) } : {}),
  }
}

const renderHints = ({ spec: { schedulerHints = {} } }: Server): object => ({
  ...(schedulerHints.sameHost ? { same_host: [...schedulerHints.sameHost] } : {}),
  ...(schedulerHints.differentHost ? { different_host: [...schedulerHints.differentHost] } : {}),
})
