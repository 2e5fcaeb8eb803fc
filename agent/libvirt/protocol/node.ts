// Procedures about the host itself: its size, memory and CPU time.
import {
  arrayOf,
  bool,
  charArrayOf,
  flags,
  int,
  nothing,
  opaqueUpTo,
  string,
  structOf,
  uhyper,
  uint,
} from '../wire/types.ts'
import { nameEntries } from './named.ts'
import { remoteProcedure } from './procedure.ts'

const statistic = structOf({ field: string, value: uhyper })

export const nodeProcedures = nameEntries({
  /** `memory` is in KiB. The host has `nodes` NUMA nodes with `sockets` × `cores` × `threads` logical CPUs each. */
  nodeGetInfo: remoteProcedure(
    6,
    nothing,
    structOf({
      model: charArrayOf(32),
      memory: uhyper,
      cpus: int,
      mhz: int,
      nodes: int,
      sockets: int,
      cores: int,
      threads: int,
    }),
  ),
  /** `freeMemory` is in bytes. */
  nodeGetFreeMemory: remoteProcedure(102, nothing, structOf({ freeMemory: uhyper })),
  /**
   * Returns the free bytes of each NUMA node (libvirt's "cell") from number `startCell` on, at most `maxCells` nodes.
   */
  nodeGetCellsFreeMemory: remoteProcedure(
    101,
    structOf({ startCell: int, maxCells: int }),
    structOf({ cells: arrayOf(uhyper, 1024) }),
  ),
  /**
   * Returns nanoseconds since boot per kind of CPU time. A `cpu` of -1 means the sum of all CPUs. A first call with
   * `nparams` 0 returns the number of values; the next call must pass exactly this number.
   */
  nodeGetCpuStats: remoteProcedure(
    227,
    structOf({ cpu: int, nparams: int, flags }),
    structOf({ params: arrayOf(statistic, 16), nparams: int }),
  ),
  /**
   * Returns KiB per kind of memory (total, free, buffers, cached). A `cell` (NUMA node) of -1 means the whole host. As
   * with `nodeGetCpuStats`, a first call with `nparams` 0 returns the number of values to ask for.
   */
  nodeGetMemoryStats: remoteProcedure(
    228,
    structOf({ nparams: int, cell: int, flags }),
    structOf({ params: arrayOf(statistic, 16), nparams: int }),
  ),
  /** `ret` is the number of CPUs present, `online` the number of CPUs online. `map` has one bit per CPU. */
  nodeGetCpuMap: remoteProcedure(
    293,
    structOf({ needMap: bool, needOnline: bool, flags }),
    structOf({ map: opaqueUpTo(2048), online: uint, ret: int }),
  ),
  /**
   * `pages` lists page sizes in KiB. For each NUMA node from number `startCell` on, the result has the number of free
   * pages of each size.
   */
  nodeGetFreePages: remoteProcedure(
    340,
    structOf({ pages: arrayOf(uint, 64), startCell: int, cellCount: uint, flags }),
    structOf({ counts: arrayOf(uhyper, 1024) }),
  ),
})
