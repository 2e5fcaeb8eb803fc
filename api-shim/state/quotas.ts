/**
 * Limits that differ from the defaults stand in the ConfigMap `kubenova-quota` of the project's namespace. The
 * ConfigMap in the shim's namespace has the quota classes. The class `default` sets the limits of all projects. The
 * limits of key pairs, metadata and injected files are enforced; those of servers and their sizes are not yet.
 */

import type { ConfigMap } from '../../kube/builtin-kinds.ts'
import type { Services } from '../services.ts'
import { getOwn } from '../validation/get-own.ts'
import type { CallerState } from './state.ts'
import { QUOTA_CONFIG_MAP, quotaConfigMaps } from './stores.ts'

/** The limits that a project has by default; -1: no limit. */
const defaultLimits = {
  cores: 20,
  fixed_ips: -1,
  floating_ips: -1,
  injected_file_content_bytes: 10_240,
  injected_file_path_bytes: 255,
  injected_files: 5,
  instances: 10,
  key_pairs: 100,
  metadata_items: 128,
  ram: 51_200,
  security_group_rules: -1,
  security_groups: -1,
  server_group_members: 10,
  server_groups: 10,
} as const

export type QuotaResource = keyof typeof defaultLimits
export type Limits = Readonly<Record<QuotaResource, number>>
export type SomeLimits = Partial<Limits>
export const quotaResources = Object.keys(defaultLimits) as QuotaResource[]

type Section = 'project' | 'users' | 'classes'
const WHOLE = ''

type Context = Pick<Services, 'state' | 'namespace'>

/** Limits by the name of a user or class; the project's own are under the empty name. */
type Named = Readonly<Record<string, SomeLimits>>

/** Operators may edit the ConfigMap by hand: a section that is no JSON object counts as empty. */
function readSection(map: ConfigMap | undefined, section: Section): Named {
  try {
    const parsed: unknown = JSON.parse(map?.data?.[section] ?? '{}')
    return typeof parsed === 'object' && parsed !== null ? (parsed as Named) : {}
  } catch {
    return {}
  }
}

/** Operators may edit the ConfigMap by hand: everything but whole numbers for Nova's resources is ignored. */
function validLimits(limits: SomeLimits | undefined): SomeLimits {
  return Object.fromEntries(
    quotaResources.flatMap((resource) => {
      const limit = limits?.[resource]
      return Number.isInteger(limit) ? [[resource, limit]] : []
    }),
  )
}

function storedLimits(
  namespace: string,
  section: Section,
  name: string,
  { state }: Pick<Context, 'state'>,
): SomeLimits {
  const map = state.unchecked.quotaConfigMaps.cache.get(`${namespace}/${QUOTA_CONFIG_MAP}`)
  const named = readSection(map, section)
  return validLimits(getOwn(named, name))
}

/** The limits of a quota class. */
export function classLimits(name: string, context: Context): Limits {
  const { namespace } = context
  return { ...defaultLimits, ...storedLimits(namespace, 'classes', name, context) }
}

export const projectLimits = (project: string, context: Context): Limits => ({
  ...classLimits('default', context),
  ...storedLimits(project, 'project', WHOLE, context),
})

export const userLimits = (project: string, userId: string, context: Context): Limits => ({
  ...projectLimits(project, context),
  ...storedLimits(project, 'users', userId, context),
})

/** The kinds Server and Image have no more, whatever the limit of the project. */
const MAX_METADATA_ITEMS = 128

/** The most metadata that the caller's project may give a server or an image. */
export function metadataLimit({ state, services }: { state: CallerState; services: Services }): number {
  const { metadata_items: limit } = projectLimits(state.namespace, services)
  return limit === -1 ? MAX_METADATA_ITEMS : Math.min(limit, MAX_METADATA_ITEMS)
}

export const isWithin = (count: number, limit: number): boolean => limit === -1 || count <= limit

export interface QuotaOwner {
  namespace: string
  section: Section
  /** The user or the class; empty for the project itself. */
  name: string
}
export const ownerOfProject = (namespace: string, userId?: string): QuotaOwner =>
  userId === undefined ? { namespace, section: 'project', name: WHOLE } : { namespace, section: 'users', name: userId }

/**
 * Writes limits as the caller. null removes all limits of the owner. The resource version makes a concurrent change a
 * conflict.
 */
export async function writeLimits(
  { namespace, section, name }: QuotaOwner,
  change: SomeLimits | null,
  { state }: { state: CallerState },
): Promise<void> {
  const map = state.shared.unchecked.quotaConfigMaps.cache.get(`${namespace}/${QUOTA_CONFIG_MAP}`)
  const { [name]: old = {}, ...others } = readSection(map, section)
  const all = change === null ? others : { ...others, [name]: { ...validLimits(old), ...change } }
  const data = { [section]: JSON.stringify(all) }
  const writer = state.write(quotaConfigMaps)
  const ref = { name: QUOTA_CONFIG_MAP, namespace }
  if (map) await writer.patch(ref, { metadata: { resourceVersion: map.metadata.resourceVersion }, data })
  else if (change !== null) await writer.create({ metadata: ref, data })
}
