/** Refuses an uninstallation while Servers exist: without the agents, no program would remove their guests. */
import { resourceDefOf, server } from '../crds/index.ts'
import type { Kube } from '../kube/client.ts'
import { ignoreNotFound } from '../kube/errors.ts'
import { keyOf } from '../kube/types.ts'

const NAMED = 3
const PAGE_SIZE = 100

/**
 * The message of the refusal. Undefined: no Server exists, or the CRD of Servers is gone.
 * @param rollback the command that makes the release usable again, because Helm takes it for half uninstalled
 */
export async function findRemainingServers(kube: Kube, rollback: string): Promise<string | undefined> {
  const keys = ((await ignoreNotFound(listServerKeys(kube))) ?? []).toSorted((a, b) => (a < b ? -1 : 1))
  if (keys.length === 0) return undefined
  const more = keys.length > NAMED ? ` and ${keys.length - NAMED} more` : ''
  return (
    `${keys.length === 1 ? 'a Server exists' : `${keys.length} Servers exist`} (${keys.slice(0, NAMED).join(', ')}${more}), ` +
    'and only the agents can remove guests and disks: delete the Servers first (kubectl delete servers --all --all-namespaces), ' +
    `or uninstall with --no-hooks to leave their guests running without Kubenova, or keep Kubenova (${rollback})`
  )
}

/** Keeps only one page of Servers in memory, because the memory of the hook's Pod is small. */
async function listServerKeys(kube: Kube): Promise<string[]> {
  const keys: string[] = []
  for await (const { items } of kube.resource(resourceDefOf(server)).pages({ limit: PAGE_SIZE }))
    for (const { metadata } of items) keys.push(keyOf(metadata))
  return keys
}
