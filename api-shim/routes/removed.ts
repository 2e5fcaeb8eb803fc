/**
 * Routes of Nova that do nothing: removed ones answer 410 at every microversion, former proxies to other services
 * answer 404.
 */
import { newBadRequest, newGone, newNotFound } from '../http/fault.ts'
import { defineRoute, type Method, type Route } from './route.ts'

const removed: readonly [path: string, methods: readonly Method[]][] = [
  ['/os-agents', ['GET', 'POST']],
  ['/os-agents/{id}', ['PUT', 'DELETE']],
  ['/os-cells', ['GET', 'POST']],
  ['/os-cells/capacities', ['GET']],
  ['/os-cells/detail', ['GET']],
  ['/os-cells/info', ['GET']],
  ['/os-cells/sync_instances', ['POST']],
  ['/os-cells/{id}', ['GET', 'PUT', 'DELETE']],
  ['/os-cells/{id}/capacities', ['GET']],
  ['/os-certificates', ['POST']],
  ['/os-certificates/{id}', ['GET']],
  ['/os-cloudpipe', ['GET', 'POST']],
  ['/os-cloudpipe/{id}', ['PUT']],
  ['/os-fixed-ips/{id}', ['GET']],
  ['/os-floating-ip-dns', ['GET']],
  ['/os-floating-ip-dns/{id}', ['PUT', 'DELETE']],
  ['/os-floating-ip-dns/{id}/entries/{entry}', ['GET', 'PUT', 'DELETE']],
  ['/os-floating-ips-bulk', ['GET', 'POST']],
  ['/os-floating-ips-bulk/{id}', ['GET', 'PUT']],
  ['/os-fping', ['GET']],
  ['/os-fping/{id}', ['GET']],
  ['/os-networks', ['POST']],
  ['/os-networks/add', ['POST']],
  ['/os-networks/{id}', ['DELETE']],
  ['/os-security-group-default-rules', ['GET', 'POST']],
  ['/os-security-group-default-rules/{id}', ['GET', 'DELETE']],
  ['/os-tenant-networks', ['POST']],
  ['/os-tenant-networks/{id}', ['DELETE']],
  ['/servers/{server_id}/consoles', ['GET', 'POST']],
  ['/servers/{server_id}/consoles/{id}', ['GET', 'DELETE']],
  ['/servers/{server_id}/os-virtual-interfaces', ['GET']],
]

/** A removed action answers 410. As in Nova, an unknown key in the body is still a 400. */
const removedActions: readonly [path: string, key: string][] = [
  ['/os-fixed-ips/{id}/action', 'reserve'],
  ['/os-fixed-ips/{id}/action', 'unreserve'],
  ['/os-networks/{id}/action', 'disassociate'],
  ['/os-networks/{id}/action', 'disassociate_host'],
  ['/os-networks/{id}/action', 'disassociate_project'],
  ['/os-networks/{id}/action', 'associate_host'],
  ['/servers/{server_id}/action', 'resetNetwork'],
]

/**
 * Nova's former proxies to networks and volumes. The shim has them at no microversion: clients ask the services
 * themselves.
 */
const proxies: readonly [path: string, methods: readonly Method[]][] = [
  ['/os-baremetal-nodes', ['GET']],
  ['/os-baremetal-nodes/{id}', ['GET']],
  ['/os-floating-ip-pools', ['GET']],
  ['/os-floating-ips', ['GET', 'POST']],
  ['/os-floating-ips/{id}', ['GET', 'DELETE']],
  ['/os-security-group-rules', ['POST']],
  ['/os-security-group-rules/{id}', ['DELETE']],
  ['/os-security-groups', ['GET', 'POST']],
  ['/os-security-groups/{id}', ['GET', 'PUT', 'DELETE']],
  ['/os-snapshots', ['GET', 'POST']],
  ['/os-snapshots/detail', ['GET']],
  ['/os-snapshots/{id}', ['GET', 'DELETE']],
  ['/os-volumes', ['GET', 'POST']],
  ['/os-volumes/detail', ['GET']],
  ['/os-volumes/{id}', ['GET', 'DELETE']],
]

/** Changes of bare-metal nodes, which Nova refuses until 2.35. The command of Ironic stands in the message. */
const baremetalChanges: readonly [method: Method, path: string, command: string, action?: string][] = [
  ['POST', '/os-baremetal-nodes', 'node-create'],
  ['DELETE', '/os-baremetal-nodes/{id}', 'node-delete'],
  ['POST', '/os-baremetal-nodes/{id}/action', 'port-create', 'add_interface'],
  ['POST', '/os-baremetal-nodes/{id}/action', 'port-delete', 'remove_interface'],
]

const anybody = { rule: 'os_compute_api:removed', role: 'any' } as const

const refuse = (method: Method, path: string, why: 'removed' | 'proxy', action?: string): Route =>
  defineRoute({
    name: `${why}:${method} ${path}${action === undefined ? '' : ` ${action}`}`,
    method,
    path,
    ...(action === undefined ? {} : { action }),
    success: 200,
    refusal: why === 'removed' ? 410 : 404,
    policy: anybody,
    async handle() {
      throw why === 'removed' ? newGone() : newNotFound()
    },
  })

const refuseBaremetal = (method: Method, path: string, command: string, action?: string): Route =>
  defineRoute({
    name: `removed:${command}`,
    method,
    path,
    ...(action === undefined ? {} : { action }),
    until: '2.35',
    success: 200,
    refusal: 400,
    policy: anybody,
    async handle() {
      throw newBadRequest(`Command not supported. Please use Ironic command ${command} to perform this action.`)
    },
  })

/** Unlike other removed actions, this one answers 400. */
const rdpConsole = defineRoute({
  name: 'removed:os-getRDPConsole',
  method: 'POST',
  path: '/servers/{server_id}/action',
  action: 'os-getRDPConsole',
  until: '2.5',
  success: 200,
  refusal: 400,
  policy: anybody,
  async handle() {
    throw newBadRequest(
      'The server could not comply with the request since it is either malformed or otherwise incorrect.',
    )
  },
})

export const removedRoutes: readonly Route[] = [
  ...removed.flatMap(([path, methods]) => methods.map((method) => refuse(method, path, 'removed'))),
  ...removedActions.map(([path, key]) => refuse('POST', path, 'removed', key)),
  rdpConsole,
  ...proxies.flatMap(([path, methods]) => methods.map((method) => refuse(method, path, 'proxy'))),
  ...baremetalChanges.map((change) => refuseBaremetal(...change)),
]
