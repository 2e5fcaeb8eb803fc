// The host itself: its size, memory and CPU time.
import { array, bool, charArray, flags, int, nothing, opaque, string, struct, uhyper, uint } from '../wire/types.ts'
import { named, remote } from './procedure.ts'

const statistic = struct({ field: string, value: uhyper })

export const nodeProcedures = named({
  /** `memory` in KiB; `nodes` NUMA nodes with `sockets` × `cores` × `threads` each. */
  nodeGetInfo: remote(
    6,
    nothing,
    struct({
      model: charArray(32),
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
  nodeGetFreeMemory: remote(102, nothing, struct({ freeMemory: uhyper })),
  /** Bytes free in each NUMA cell from `startCell` on, at most `maxCells`. */
  nodeGetCellsFreeMemory: remote(
    101,
    struct({ startCell: int, maxCells: int }),
    struct({ cells: array(uhyper, 1024) }),
  ),
  /**
   * `cpu` -1: all together. `nparams` 0 asks how many there are, and exactly that must be given next; nanoseconds since
   * boot by kind.
   */
  nodeGetCpuStats: remote(
    227,
    struct({ cpu: int, nparams: int, flags }),
    struct({ params: array(statistic, 16), nparams: int }),
  ),
  /** `cell` -1: all together. `nparams` as above; KiB by kind (total, free, buffers, cached). */
  nodeGetMemoryStats: remote(
    228,
    struct({ nparams: int, cell: int, flags }),
    struct({ params: array(statistic, 16), nparams: int }),
  ),
  /** `online` CPUs of `ret` present; `map` has one bit a CPU. */
  nodeGetCpuMap: remote(
    293,
    struct({ needMap: bool, needOnline: bool, flags }),
    struct({ map: opaque(2048), online: uint, ret: int }),
  ),
  /** Free pages: for each cell from `startCell` on, one count for each of `pages` (sizes in KiB). */
  nodeGetFreePages: remote(
    340,
    struct({ pages: array(uint, 64), startCell: int, cellCount: uint, flags }),
    struct({ counts: array(uhyper, 1024) }),
  ),
})
