import { flags, nothing, string, structOf, uhyper } from '../wire/types.ts'
import { storagePool, storageVol } from './common.ts'
import { nameEntries } from './named.ts'
import { remoteProcedure, remoteStreamProcedure, slowCall } from './procedure.ts'

const volumeResult = structOf({ vol: storageVol })
/** `offset` and `length` are in bytes. A `length` of 0 means up to the end of the volume. */
const transferArgs = structOf({ vol: storageVol, offset: uhyper, length: uhyper, flags })

export const storageProcedures = nameEntries({
  storagePoolCreateXml: remoteProcedure(76, structOf({ xml: string, flags }), structOf({ pool: storagePool })),
  storageVolCreateXml: remoteProcedure(93, structOf({ pool: storagePool, xml: string, flags }), volumeResult, slowCall),
  storageVolDelete: remoteProcedure(94, structOf({ vol: storageVol, flags }), nothing, slowCall),
  storageVolUpload: remoteStreamProcedure(208, transferArgs, 'upload'),
  storageVolDownload: remoteStreamProcedure(209, transferArgs, 'download'),
})
