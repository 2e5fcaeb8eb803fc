import { actions, servers } from '../../api-shim/state/stores.ts'
import { deletedServerFrom } from '../../controller/cleanup/deletion-record.ts'
import type { Server, ServerAction } from '../../crds/index.ts'
import type { Stand } from './stand.ts'

/**
 * Deletes a server as the controller does: its last actions stay in the record of its deletion.
 * @param time when it was deleted
 */
export async function deleteServer(
  { metadata: { name, namespace = '' } }: Server,
  { shim }: Stand,
  time = '2026-01-02T03:59:05Z',
): Promise<void> {
  const server = await shim.api.resource<Server>(servers.kind).get({ name, namespace })
  const own = shim.api.list<ServerAction>(actions.kind.plural, namespace).filter(({ spec }) => spec.server === name)
  const resource = shim.api.resource<Server>(servers.kind)
  if (server.metadata.deletionTimestamp === undefined) await resource.delete({ name, namespace })
  if (server.metadata.finalizers) await resource.patch({ name, namespace }, { metadata: { finalizers: [] } })
  await shim.services.state.waiterOf(servers)?.waitForDeletion(`${namespace}/${name}`, server.metadata.uid)
  for (const { metadata } of own) await shim.api.resource(actions.kind).delete(metadata)
  const status = {
    phase: 'Succeeded',
    startTime: time,
    finishTime: time,
    deletedServer: deletedServerFrom(server, own),
  }
  await shim.seed(actions.kind, {
    metadata: { name: `${name}-deleted`, namespace },
    spec: { server: name, action: 'delete' },
    status,
  })
}
