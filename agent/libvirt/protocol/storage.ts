// Storage pools and volumes: only what uploads and downloads of volumes need.
import { flags, nothing, string, struct, uhyper } from '../wire/types.ts'
import { storagePool, storageVol } from './common.ts'
import { named, remote, remoteStream } from './procedure.ts'

const aVol = struct({ vol: storageVol })
/** `length` 0: to the end. */
const transfer = struct({ vol: storageVol, offset: uhyper, length: uhyper, flags })
const slow = { slow: true } as const

export const storageProcedures = named({
  storagePoolCreateXml: remote(76, struct({ xml: string, flags }), struct({ pool: storagePool })),
  storageVolCreateXml: remote(93, struct({ pool: storagePool, xml: string, flags }), aVol, slow),
  storageVolDelete: remote(94, struct({ vol: storageVol, flags }), nothing, slow),
  storageVolUpload: remoteStream(208, transfer, 'upload'),
  storageVolDownload: remoteStream(209, transfer, 'download'),
})
