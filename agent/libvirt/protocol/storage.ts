// Storage pools and volumes.
import { array, bool, flags, int, nothing, string, struct, uhyper, uint, uuid } from '../wire/types.ts'
import { anXml, listMax, storagePool, storageVol } from './common.ts'
import { named, remote, remoteStream } from './procedure.ts'

const onPool = struct({ pool: storagePool })
const poolFlags = struct({ pool: storagePool, flags })
const aPool = struct({ pool: storagePool })
const aVol = struct({ vol: storageVol })
const volInfo = struct({ type: int, capacity: uhyper, allocation: uhyper })
/** `length` 0: to the end. */
const transfer = struct({ vol: storageVol, offset: uhyper, length: uhyper, flags })
const slow = { slow: true } as const

export const storageProcedures = named({
  storagePoolLookupByName: remote(84, struct({ name: string }), aPool),
  storagePoolLookupByUuid: remote(85, struct({ uuid }), aPool),
  storagePoolLookupByVolume: remote(86, struct({ vol: storageVol }), aPool),
  storagePoolCreateXml: remote(76, struct({ xml: string, flags }), aPool),
  storagePoolDefineXml: remote(77, struct({ xml: string, flags }), aPool),
  storagePoolCreate: remote(78, poolFlags, nothing),
  storagePoolBuild: remote(79, poolFlags, nothing, slow),
  storagePoolDestroy: remote(80, onPool, nothing),
  storagePoolDelete: remote(81, poolFlags, nothing, slow),
  storagePoolUndefine: remote(82, onPool, nothing),
  storagePoolRefresh: remote(83, poolFlags, nothing, slow),
  /** Bytes; state: 0 inactive, 1 building, 2 running, 3 degraded, 4 inaccessible. */
  storagePoolGetInfo: remote(
    87,
    onPool,
    struct({ state: uint, capacity: uhyper, allocation: uhyper, available: uhyper }),
  ),
  storagePoolGetXmlDesc: remote(88, poolFlags, anXml),
  storagePoolListAllVolumes: remote(
    282,
    struct({ pool: storagePool, needResults: bool, flags }),
    struct({ vols: array(storageVol, listMax), ret: uint }),
  ),

  storageVolLookupByName: remote(95, struct({ pool: storagePool, name: string }), aVol),
  storageVolLookupByKey: remote(96, struct({ key: string }), aVol),
  storageVolLookupByPath: remote(97, struct({ path: string }), aVol),
  storageVolCreateXml: remote(93, struct({ pool: storagePool, xml: string, flags }), aVol, slow),
  storageVolCreateXmlFrom: remote(
    125,
    struct({ pool: storagePool, xml: string, cloneVol: storageVol, flags }),
    aVol,
    slow,
  ),
  storageVolDelete: remote(94, struct({ vol: storageVol, flags }), nothing, slow),
  storageVolResize: remote(260, struct({ vol: storageVol, capacity: uhyper, flags }), nothing),
  /** Bytes; type: 0 file, 1 block, 2 directory, 3 network. */
  storageVolGetInfo: remote(98, struct({ vol: storageVol }), volInfo),
  storageVolGetXmlDesc: remote(99, struct({ vol: storageVol, flags }), anXml),
  storageVolGetPath: remote(100, struct({ vol: storageVol }), struct({ path: string })),
  storageVolUpload: remoteStream(208, transfer, nothing, 'upload'),
  storageVolDownload: remoteStream(209, transfer, nothing, 'download'),
})
