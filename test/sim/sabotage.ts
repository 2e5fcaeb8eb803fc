/** Parts that are broken on purpose, each as a mistake might break it: the checks must find every one of them. */
import type { LocalHost } from '../../agent/server/reconcile.ts'
import type { Kube } from '../../kube/client.ts'
import type { Resource } from '../../kube/resource.ts'
import type { KubeObject, ResourceDef } from '../../kube/types.ts'
import type { Process } from './process.ts'

export interface Sabotage {
  /** The client of a process, spoilt. */
  kube?(kube: Kube, process: Process): Kube
  /** What an agent has of its host, spoilt. */
  host?(host: LocalHost): LocalHost
}

type Any = Resource<KubeObject>

/** Handles of some kinds, changed. */
const handles = (change: (resource: Any, def: ResourceDef, process: Process) => Partial<Any>): Sabotage => ({
  kube: (kube, process) => ({
    ...kube,
    resource: <T extends KubeObject>(def: ResourceDef) => {
      const resource = kube.resource<T>(def)
      return { ...resource, ...(change(resource, def, process) as unknown as Partial<Resource<T>>) }
    },
  }),
})

const isController = ({ name }: Process): boolean => name.startsWith('c')

const without = <T extends { metadata: object }>(object: T, ...members: string[]): T => ({
  ...object,
  metadata: Object.fromEntries(Object.entries(object.metadata).filter(([name]) => !members.includes(name))),
})

export const sabotages: Record<string, Sabotage> = {
  'the controller writes a server’s status without looking at its resourceVersion': handles((resource, { plural }) =>
    plural === 'servers'
      ? { applyStatus: (object, options) => resource.applyStatus(without(object, 'resourceVersion'), options) }
      : {},
  ),
  'every fifth event of a watch is lost': handles((resource) => ({
    async *watch(options) {
      let count = 0
      for await (const event of resource.watch(options)) {
        count += 1
        if (count % 5 !== 0 || event.type === 'BOOKMARK') yield event
      }
    },
  })),
  'deletions are not told': handles((resource, { plural }, process) =>
    plural === 'servers' && isController(process)
      ? {
          async *watch(options) {
            for await (const event of resource.watch(options)) if (event.type !== 'DELETED') yield event
          },
        }
      : {},
  ),
  'ports are not seen, and their names are no claims': handles((resource, { plural }, process) =>
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
  'the agent lets go of a server before it is told that nothing is left': handles((resource, { plural }, process) =>
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
  'a deed that has ended is not written down': handles((_, { plural }, process) =>
    plural === 'serveractions' && !isController(process) ? { apply: async (object) => object } : {},
  ),
  'a lease cannot be kept: nobody is told': handles((_, { plural }, process) =>
    plural === 'leases' && isController(process)
      ? {
          get: () => Promise.resolve({ metadata: { name: 'x', resourceVersion: '1' }, spec: {} } as KubeObject),
          update: async (object) => object,
        }
      : {},
  ),
  'status is never as it was written': handles((resource, { plural }, process) =>
    plural === 'servers' && !isController(process)
      ? {
          applyStatus: (object, options) => {
            const { status } = object as { status?: object }
            const spoilt = { ...status, console: { log: `/${Math.random()}` } }
            return resource.applyStatus({ ...object, status: spoilt } as typeof object, options)
          },
        }
      : {},
  ),
  'a host does not remember which deed booted a server': {
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
