// Snapshots and checkpoints of a domain.
import { array, bool, flags, int, nothing, string, struct } from '../wire/types.ts'
import { anXml, checkpoint, domain, listMax, snapshot } from './common.ts'
import { named, remote } from './procedure.ts'

const create = struct({ dom: domain, xml: string, flags })
const list = struct({ dom: domain, needResults: bool, flags })
const byName = struct({ dom: domain, name: string, flags })
const slow = { slow: true } as const

export const snapshotProcedures = named({
  domainSnapshotCreateXml: remote(185, create, struct({ snap: snapshot }), slow),
  domainSnapshotGetXmlDesc: remote(186, struct({ snap: snapshot, flags }), anXml),
  domainListAllSnapshots: remote(274, list, struct({ snapshots: array(snapshot, listMax), ret: int })),
  domainSnapshotLookupByName: remote(189, byName, struct({ snap: snapshot })),
  domainRevertToSnapshot: remote(192, struct({ snap: snapshot, flags }), nothing, slow),
  domainSnapshotDelete: remote(193, struct({ snap: snapshot, flags }), nothing, slow),

  domainCheckpointCreateXml: remote(411, create, struct({ checkpoint })),
  domainCheckpointGetXmlDesc: remote(412, struct({ checkpoint, flags }), anXml),
  domainListAllCheckpoints: remote(413, list, struct({ checkpoints: array(checkpoint, listMax), ret: int })),
  domainCheckpointLookupByName: remote(415, byName, struct({ checkpoint })),
  domainCheckpointDelete: remote(417, struct({ checkpoint, flags }), nothing),
})
