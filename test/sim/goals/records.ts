/**
 * The goals of ServerActions: every action request of a user has ended, and every action on a server has exactly one
 * action record (a ServerAction that the agent writes).
 */
import type { Server, ServerAction } from '../../../crds/index.ts'
import type { Cloud } from '../cloud.ts'
import { isWaitingForAddress } from '../expectations.ts'

export function findRequestViolations(cloud: Cloud, servers: readonly Server[]): string[] {
  const uids = new Set(servers.map(({ metadata }) => metadata.uid))
  // A server that waits for a free address has no host, so no agent can complete its start request, which stays
  // Running.
  const waiting = new Set(servers.filter(isWaitingForAddress).map(({ status }) => status?.activeAction?.uid))
  return cloud.api.peek<ServerAction>('serveractions').flatMap((request) => {
    const { phase = 'Pending' } = request.status ?? {}
    if (phase === 'Running' && waiting.has(request.metadata.uid)) return []
    if (phase === 'Pending' || phase === 'Running') return [`request ${request.metadata.name} is ${phase}`]
    return findEndedViolations(request, uids, cloud)
  })
}

function findEndedViolations(
  { metadata, spec, status }: ServerAction,
  uids: ReadonlySet<string | undefined>,
  { hosts }: Cloud,
): string[] {
  const { name, uid = '', ownerReferences } = metadata
  const owner = ownerReferences?.[0]?.uid ?? ''
  if (owner && !uids.has(owner)) return [`action record ${name} is an orphan`]
  const isReboot = spec.action === 'reboot' && status?.phase === 'Succeeded'
  const hasBooted = hosts.some(({ machines }) => machines.machine(owner).boots.includes(uid))
  return isReboot && !hasBooted ? [`request ${name} succeeded without a boot`] : []
}

/**
 * The records of a server are numbered from 1 to status.actionRecords.
 * @param deletedByUsers keys (namespace/name) of the records that users deleted
 */
export function findRecordViolations(cloud: Cloud, deletedByUsers: ReadonlySet<string>): string[] {
  const all = cloud.api.peek<ServerAction>('serveractions')
  return cloud.api.peek<Server>('servers').flatMap((server) => {
    const { metadata, status } = server
    const own = all.filter((record) => record.metadata.ownerReferences?.[0]?.uid === metadata.uid)
    const count = status?.actionRecords ?? 0
    const names = new Set(own.map((record) => record.metadata.name))
    const expected = Array.from({ length: count }, (_, i) => `${metadata.name}-${i + 1}`)
    const missing = expected.filter((name) => !names.has(name) && !deletedByUsers.has(`${metadata.namespace}/${name}`))
    // The agent creates an action record and then raises status.actionRecords. A power failure between the two writes
    // leaves a record that is not counted, so one surplus record is allowed after an unexpected stop.
    const hadUnexpectedStop = cloud.hosts.some(({ unexpectedStops }) => unexpectedStops.has(metadata.uid ?? ''))
    const surplus = `${metadata.name}-${count + 1}`
    const creations = own.filter((r) => r.spec.action === 'create' && r.status?.phase === 'Succeeded')
    return [
      ...missing.map((name) => `action record ${name} is missing`),
      ...(names.has(surplus) && !hadUnexpectedStop ? [`action record ${surplus} is not counted`] : []),
      ...(creations.length > 1 ? [`${metadata.name} was created ${creations.length} times`] : []),
    ]
  })
}
