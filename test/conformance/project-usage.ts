import { quotaConfigMaps, servers } from '../../api-shim/state/stores.ts'
import type { TestShim } from '../../api-shim/testing.ts'

const serversOfProjects: Readonly<Record<string, readonly string[]>> = {
  mine: ['f-tiny'],
  other: ['f-tiny', 'f-tiny', 'f-tiny', 'f-tiny'],
  small: ['f-wide', 'f-tiny', 'f-small', 'f-tiny'],
}

export async function seedProjectUsage(group: string, shim: TestShim): Promise<void> {
  if (group === 'keypairs/key pair quota')
    await shim.seed(quotaConfigMaps.kind, {
      metadata: { name: 'kubenova-quota', namespace: 'small' },
      data: { project: '{"":{"key_pairs":1}}' },
    })
  if (!group.startsWith('quotas-usage/')) return
  for (const [namespace, flavors] of Object.entries(serversOfProjects))
    for (const [i, flavor] of flavors.entries()) {
      const user = shim.callerOf(namespace === 'small' ? 'small' : 'member')?.user.id ?? ''
      await shim.seed(servers.kind, {
        metadata: { name: `used-${i}`, namespace, annotations: { 'compute.kubenova.io/user-id': user } },
        spec: { flavor, image: { name: 'tiny', namespace: 'admin' }, displayName: 'used' },
        status: { host: 'host-1', vmState: 'active', powerState: 'Running', launchedAt: '2026-01-02T03:04:05Z' },
      })
    }
}
