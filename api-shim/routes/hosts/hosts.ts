import type { Hypervisor, Server } from '../../../crds/index.ts'
import { newNotFound, newNotImplemented } from '../../http/fault.ts'
import { hypervisors, servers, serversByHost } from '../../state/stores.ts'
import { oneOf, querySchema, repeatedParameter, schemaFrom, stringSchema } from '../../validation/schema.ts'
import { resourcesOf } from '../../views/hypervisors.ts'
import { defineRoute, type Route, type RouteRequest } from '../route.ts'
import { listServices } from '../services/services.ts'

const until = '2.42'
const rule = (operation: string) => ({ rule: `os_compute_api:os-hosts:${operation}`, role: 'admin' }) as const

type Request = Pick<RouteRequest, 'state' | 'params'>

async function findHost({ state, params }: Request): Promise<Hypervisor> {
  const name = params['host_name'] ?? ''
  const host = (await state.read(hypervisors)).get(name)
  if (!host) throw newNotFound(`Host '${name}' is not mapped to any cell`)
  return host
}

const hostsList = defineRoute<null>({
  name: 'hosts:list',
  method: 'GET',
  path: '/os-hosts',
  until,
  success: 200,
  policy: rule('list'),
  query: { '2.1': querySchema({ zone: repeatedParameter(stringSchema()) }) },
  async handle(request) {
    const wanted = request.query['zone']?.at(-1) || undefined
    const found = (await listServices(request)).filter(
      ({ zone, isDisabled }) => !isDisabled && (wanted === undefined || zone === wanted),
    )
    return { body: { hosts: found.map(({ host, topic, zone }) => ({ host_name: host, service: topic, zone })) } }
  },
})

interface Sizes {
  cpu: number
  memory_mb: number
  disk_gb: number
}

const sizesOf = ({ status }: Server): Sizes => {
  const { vcpus = 0, ram = 0, disk = 0, ephemeral = 0 } = status?.instance?.flavor ?? {}
  return { cpu: vcpus, memory_mb: ram, disk_gb: disk + ephemeral }
}

const sum = (list: readonly Sizes[]): Sizes => ({
  cpu: list.reduce((total, { cpu }) => total + cpu, 0),
  memory_mb: list.reduce((total, { memory_mb: size }) => total + size, 0),
  disk_gb: list.reduce((total, { disk_gb: size }) => total + size, 0),
})

const hostsShow = defineRoute<null>({
  name: 'hosts:show',
  method: 'GET',
  path: '/os-hosts/{host_name}',
  until,
  success: 200,
  policy: rule('show'),
  async handle(request) {
    const hypervisor = await findHost(request)
    const host = hypervisor.metadata.name
    const found = (await request.state.read(servers)).find(serversByHost, host)
    const r = resourcesOf(hypervisor, { servers: found.length, busy: 0 })
    const row = (project: string, sizes: object): object => ({ resource: { host, project, ...sizes } })
    const byNamespace = Object.entries(Object.groupBy(found, ({ metadata }) => metadata.namespace ?? ''))
    return {
      body: {
        host: [
          row('(total)', { cpu: r['vcpus'], memory_mb: r['memory_mb'], disk_gb: r['local_gb'] }),
          row('(used_now)', { cpu: r['vcpus_used'], memory_mb: r['memory_mb_used'], disk_gb: r['local_gb_used'] }),
          row('(used_max)', sum(found.map(sizesOf))),
          ...byNamespace.map(([namespace, list = []]) =>
            row(request.state.shared.projectOf(namespace).id, sum(list.map(sizesOf))),
          ),
        ],
      },
    }
  },
})

const onOff = oneOf(['enable', 'disable', 'Enable', 'Disable', 'ENABLE', 'DISABLE'], { type: 'string' })
interface UpdateBody {
  status?: string
  maintenance_mode?: string
}

const hostsUpdate = defineRoute<UpdateBody>({
  name: 'hosts:update',
  method: 'PUT',
  path: '/os-hosts/{host_name}',
  until,
  success: 200,
  policy: rule('update'),
  body: {
    '2.1': schemaFrom<UpdateBody>({
      type: 'object',
      properties: { status: onOff, maintenance_mode: onOff },
      anyOf: [{ required: ['status'] }, { required: ['maintenance_mode'] }],
      additionalProperties: false,
    }),
  },
  async handle(request) {
    const { status, maintenance_mode: maintenance } = request.body
    const { metadata } = await findHost(request)
    if (maintenance !== undefined) throw unsupported()
    const disabled = status?.toLowerCase() === 'disable'
    await request.state
      .write(hypervisors)
      .patch(metadata, { spec: disabled ? { disabled } : { disabled, disabledReason: null } })
    return { body: { host: metadata.name, status: disabled ? 'disabled' : 'enabled' } }
  },
})

/** Nova's answer if the hypervisor driver has no such operation, as with libvirt. */
const unsupported = (): Error => newNotImplemented('The requested functionality is not supported.')

const powerAction = (operation: 'startup' | 'shutdown' | 'reboot'): Route =>
  defineRoute<null>({
    name: `hosts:${operation}`,
    method: 'GET',
    path: `/os-hosts/{host_name}/${operation}`,
    until,
    success: 200,
    policy: rule(operation === 'startup' ? 'start' : operation),
    async handle(request) {
      await findHost(request)
      throw unsupported()
    },
  })

export const hostRoutes: readonly Route[] = [
  hostsList,
  hostsShow,
  hostsUpdate,
  powerAction('startup'),
  powerAction('shutdown'),
  powerAction('reboot'),
]
