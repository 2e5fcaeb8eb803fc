import type { Limits, QuotaResource } from '../state/quotas.ts'
import type { Usage } from '../state/usage.ts'

export const renderLimits = (limits: Limits, shown: readonly QuotaResource[]): Record<string, number> =>
  Object.fromEntries(shown.map((resource) => [resource, limits[resource]]))

export const renderLimitsInUse = (
  limits: Limits,
  used: Partial<Limits>,
  shown: readonly QuotaResource[],
): Record<string, object> =>
  Object.fromEntries(
    shown.map((resource) => [resource, { limit: limits[resource], in_use: used[resource] ?? 0, reserved: 0 }]),
  )

/** Server groups, security groups and floating IPs are not in use yet. */
export const renderAbsoluteLimits = (limits: Limits, usage: Usage, version: number): Record<string, number> => ({
  maxTotalCores: limits.cores,
  ...(version < 57
    ? { maxPersonality: limits.injected_files, maxPersonalitySize: limits.injected_file_content_bytes }
    : {}),
  maxTotalInstances: limits.instances,
  maxTotalKeypairs: limits.key_pairs,
  maxServerMeta: limits.metadata_items,
  ...(version < 39 ? { maxImageMeta: limits.metadata_items } : {}),
  maxTotalRAMSize: limits.ram,
  maxServerGroups: limits.server_groups,
  maxServerGroupMembers: limits.server_group_members,
  ...(version < 36
    ? {
        maxTotalFloatingIps: limits.floating_ips,
        maxSecurityGroups: limits.security_groups,
        maxSecurityGroupRules: limits.security_group_rules,
      }
    : {}),
  totalRAMUsed: usage.ram,
  totalCoresUsed: usage.cores,
  totalInstancesUsed: usage.instances,
  ...(version < 36 ? { totalFloatingIpsUsed: 0, totalSecurityGroupsUsed: 0 } : {}),
  totalServerGroupsUsed: 0,
})
