import type { Server } from '../../crds/index.ts'
import { factsOf } from './server-facts.ts'
import type { CallerState, State } from './state.ts'
import { servers } from './stores.ts'

export interface Usage {
  instances: number
  cores: number
  /** MiB */
  ram: number
}

export interface Sizes {
  vcpus: number
  ram: number
  disk: number
  ephemeral: number
}

/**
 * Returns the sizes with which the server was placed. Before the server is placed, returns the sizes of its Flavor; if
 * the Flavor no longer exists, all sizes are 0.
 */
export function sizesOf({ spec, status }: Server, { unchecked }: Pick<State, 'unchecked'>): Sizes {
  const {
    vcpus = 0,
    ram = 0,
    disk = 0,
    ephemeral = 0,
  } = status?.instance?.flavor ?? unchecked.flavors.cache.get(spec.flavor)?.spec ?? {}
  return { vcpus, ram, disk, ephemeral }
}

/** @param userId counts only this user's servers; absent: those of the whole project */
export async function countUsage(project: string, state: CallerState, userId?: string): Promise<Usage> {
  const own = await serversOf(project, state)
  const counted = userId === undefined ? own : own.filter((server) => factsOf(server).userId === userId)
  const sizes = counted.map((server) => sizesOf(server, state.shared))
  const sum = (pick: (size: Sizes) => number): number => sizes.reduce((total, size) => total + pick(size), 0)
  return { instances: counted.length, cores: sum(({ vcpus }) => vcpus), ram: sum(({ ram }) => ram) }
}

export async function serversOf(project: string, state: CallerState): Promise<Server[]> {
  const reader = await state.read(servers)
  const readable = project === state.namespace ? reader.list() : reader.listAllProjects()
  return readable.filter(({ metadata }) => metadata.namespace === project)
}
