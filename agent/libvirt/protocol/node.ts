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
  /** `memory` is in KiB. Each of the `nodes` NUMA nodes has `sockets` × `cores` × `threads` logical CPUs. */
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
  /** Returns the free bytes of at most `maxCells` NUMA nodes (libvirt's "cells"), beginning with node `startCell`. */
  nodeGetCellsFreeMemory: remoteProcedure(
    101,
    structOf({ startCell: int, maxCells: int }),
    structOf({ cells: arrayOf(uhyper, 1024) }),
  ),
  /**
   * Returns nanoseconds since boot for each kind of CPU time. A `cpu` of -1 means all CPUs together. Call it with
   * `nparams` 0 to get the number of values, then again with this number as `nparams`.
   */
  nodeGetCpuStats: remoteProcedure(
    227,
    structOf({ cpu: int, nparams: int, flags }),
    structOf({ params: arrayOf(statistic, 16), nparams: int }),
  ),
  /**
   * Returns KiB for each kind of memory (total, free, buffers, cached). A `cell` (NUMA node) of -1 means the whole
   * host. Call it with `nparams` 0 to get the number of values, then again with this number as `nparams`.
   */
  nodeGetMemoryStats: remoteProcedure(
    228,
    structOf({ nparams: int, cell: int, flags }),
    structOf({ params: arrayOf(statistic, 16), nparams: int }),
  ),
  /** `ret` is the number of CPUs, `online` the number of CPUs online. `map` has one bit for each CPU. */
  nodeGetCpuMap: remoteProcedure(
    293,
    structOf({ needMap: bool, needOnline: bool, flags }),
    structOf({ map: opaqueUpTo(2048), online: uint, ret: int }),
  ),
  /**
   * Counts the free pages of each size in `pages` (page sizes in KiB) on each of `cellCount` NUMA nodes, beginning with
   * node `startCell`.
   */
  nodeGetFreePages: remoteProcedure(
    340,
    structOf({ pages: arrayOf(uint, 64), startCell: int, cellCount: uint, flags }),
    structOf({ counts: arrayOf(uhyper, 1024) }),
  ),
})
