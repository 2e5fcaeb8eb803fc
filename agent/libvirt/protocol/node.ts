// The host itself: its size, memory and CPU time.
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
  /** `memory` in KiB; `nodes` NUMA nodes with `sockets` × `cores` × `threads` each. */
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
  /** Bytes. */
  nodeGetFreeMemory: remoteProcedure(102, nothing, structOf({ freeMemory: uhyper })),
  /** Bytes free in each NUMA cell from `startCell` on, at most `maxCells`. */
  nodeGetCellsFreeMemory: remoteProcedure(
    101,
    structOf({ startCell: int, maxCells: int }),
    structOf({ cells: arrayOf(uhyper, 1024) }),
  ),
  /**
   * `cpu` -1: all together. `nparams` 0 asks how many there are, and exactly that must be given next; nanoseconds since
   * boot by kind.
   */
  nodeGetCpuStats: remoteProcedure(
    227,
    structOf({ cpu: int, nparams: int, flags }),
    structOf({ params: arrayOf(statistic, 16), nparams: int }),
  ),
  /** `cell` -1: all together. `nparams` as above; KiB by kind (total, free, buffers, cached). */
  nodeGetMemoryStats: remoteProcedure(
    228,
    structOf({ nparams: int, cell: int, flags }),
    structOf({ params: arrayOf(statistic, 16), nparams: int }),
  ),
  /** `online` CPUs of `ret` present; `map` has one bit a CPU. */
  nodeGetCpuMap: remoteProcedure(
    293,
    structOf({ needMap: bool, needOnline: bool, flags }),
    structOf({ map: opaqueUpTo(2048), online: uint, ret: int }),
  ),
  /** Free pages: for each cell from `startCell` on, one count for each of `pages` (sizes in KiB). */
  nodeGetFreePages: remoteProcedure(
    340,
    structOf({ pages: arrayOf(uint, 64), startCell: int, cellCount: uint, flags }),
    structOf({ counts: arrayOf(uhyper, 1024) }),
  ),
})
