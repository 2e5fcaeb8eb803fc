/** Clients with a deliberate mistake test the simulation: its checks must find each mistake. */
import type { LocalHost } from '../../agent/server/deps.ts'
import type { Kube } from '../../kube/client.ts'
import type { Resource } from '../../kube/resource.ts'
import type { KubeObject, ResourceDef } from '../../kube/types.ts'
import type { Process } from './process.ts'

export interface Mutation {
  kube?(kube: Kube, process: Process): Kube
  host?(host: LocalHost): LocalHost
}

type AnyResource = Resource<KubeObject>

const mutateResources = (
  change: (resource: AnyResource, def: ResourceDef, process: Process) => Partial<AnyResource>,
): Mutation => ({
  kube: (kube, process) => ({
    ...kube,
    resource: <T extends KubeObject>(def: ResourceDef) => {
      const resource = kube.resource<T>(def)
      return { ...resource, ...(change(resource, def, process) as unknown as Partial<Resource<T>>) }
    },
  }),
})

const isController = ({ name }: Process): boolean => name.startsWith('c')

const omitMetadata = <T extends { metadata: object }>(object: T, ...members: string[]): T => ({
  ...object,
  metadata: Object.fromEntries(Object.entries(object.metadata).filter(([name]) => !members.includes(name))),
})

export const mutations: Record<string, Mutation> = {
  'the controller writes a server’s status without its resourceVersion': mutateResources((resource, { plural }) =>
    plural === 'servers'
      ? { applyStatus: (object, options) => resource.applyStatus(omitMetadata(object, 'resourceVersion'), options) }
      : {},
  ),
  'every fifth event of a watch is lost': mutateResources((resource) => ({
    async *watch(options) {
      let count = 0
      for await (const event of resource.watch(options)) {
        count += 1
        if (count % 5 !== 0 || event.type === 'BOOKMARK') yield event
      }
    },
  })),
  'the controller gets no DELETED events of servers': mutateResources((resource, { plural }, process) =>
    plural === 'servers' && isController(process)
      ? {
          async *watch(options) {
            for await (const event of resource.watch(options)) if (event.type !== 'DELETED') yield event
          },
        }
      : {},
  ),
  'the controller does not see ports and creates them with random names': mutateResources(
    (resource, { plural }, process) =>
      plural === 'ports' && isController(process)
        ? {
            create: (object, options) => {
              const name = `x${Math.random().toString(36).slice(2)}`
              return resource.create({ ...object, metadata: { ...object.metadata, name } }, options)
            },
            async *watch(options) {
              for await (const event of resource.watch(options)) if (event.type === 'BOOKMARK') yield event
            },
          }
        : {},
  ),
  'the agent removes the finalizer before everything is deleted on the host': mutateResources(
    (resource, { plural }, process) =>
      plural === 'servers' && !isController(process)
        ? {
            applyStatus: async (object, options) => {
              const written = await resource.applyStatus(object, options)
              const { deletionTimestamp, name, namespace } = written.metadata as Record<string, string | undefined>
              if (deletionTimestamp) await resource.patch({ name, namespace }, { metadata: { finalizers: [] } })
              return written
            },
          }
        : {},
  ),
  'the agent does not write the result of an action request': mutateResources((_, { plural }, process) =>
    plural === 'serveractions' && !isController(process) ? { apply: async (object) => object } : {},
  ),
  'the agent turns an action request that has failed into a success': mutateResources(
    (resource, { plural }, process) =>
      plural === 'serveractions' && !isController(process)
        ? {
            apply: async (object, options) => {
              const written = await resource.apply(object, options)
              const { status } = object as { status?: { phase?: string } }
              if (status?.phase !== 'Failed') return written
              return resource.apply({ ...object, status: { ...status, phase: 'Succeeded' } } as typeof object, options)
            },
          }
        : {},
  ),
  'the controller’s lease is not written': mutateResources((_, { plural }, process) =>
    plural === 'leases' && isController(process)
      ? {
          get: () => Promise.resolve({ metadata: { name: 'x', resourceVersion: '1' }, spec: {} } as KubeObject),
          update: async (object) => object,
        }
      : {},
  ),
  'the agent’s status differs in each write': mutateResources((resource, { plural }, process) =>
    plural === 'servers' && !isController(process)
      ? {
          applyStatus: (object, options) => {
            const { status } = object as { status?: object }
            const changed = { ...status, console: { log: `/${Math.random()}` } }
            return resource.applyStatus({ ...object, status: changed } as typeof object, options)
          },
        }
      : {},
  ),
  'the host does not remember which action request booted a server': {
    host: (host) => ({
      ...host,
      domains: {
        ...host.domains,
        runningBootId: async (guest) =>
          (await host.domains.runningBootId(guest)) === undefined ? undefined : 'forgotten',
      },
    }),
  },
}
