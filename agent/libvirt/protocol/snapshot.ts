// Procedures for a domain's snapshots and checkpoints.
import { arrayOf, bool, flags, int, nothing, string, structOf } from '../wire/types.ts'
import { checkpoint, domain, listMax, snapshot, xmlResult } from './common.ts'
import { nameEntries } from './named.ts'
import { remoteProcedure, slowCall } from './procedure.ts'

const createArgs = structOf({ dom: domain, xml: string, flags })
const listArgs = structOf({ dom: domain, needResults: bool, flags })
const lookupArgs = structOf({ dom: domain, name: string, flags })

export const snapshotProcedures = nameEntries({
  domainSnapshotCreateXml: remoteProcedure(185, createArgs, structOf({ snap: snapshot }), slowCall),
  domainSnapshotGetXmlDesc: remoteProcedure(186, structOf({ snap: snapshot, flags }), xmlResult),
  domainListAllSnapshots: remoteProcedure(274, listArgs, structOf({ snapshots: arrayOf(snapshot, listMax), ret: int })),
  domainSnapshotLookupByName: remoteProcedure(189, lookupArgs, structOf({ snap: snapshot })),
  domainRevertToSnapshot: remoteProcedure(192, structOf({ snap: snapshot, flags }), nothing, slowCall),
  domainSnapshotDelete: remoteProcedure(193, structOf({ snap: snapshot, flags }), nothing, slowCall),

  domainCheckpointCreateXml: remoteProcedure(411, createArgs, structOf({ checkpoint })),
  domainCheckpointGetXmlDesc: remoteProcedure(412, structOf({ checkpoint, flags }), xmlResult),
  domainListAllCheckpoints: remoteProcedure(
    413,
    listArgs,
    structOf({ checkpoints: arrayOf(checkpoint, listMax), ret: int }),
  ),
  domainCheckpointLookupByName: remoteProcedure(415, lookupArgs, structOf({ checkpoint })),
  domainCheckpointDelete: remoteProcedure(417, structOf({ checkpoint, flags }), nothing),
})
