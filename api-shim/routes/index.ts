import { aggregateRoutes } from './aggregates/index.ts'
import { availabilityZonesDetail, availabilityZonesList } from './availability-zones/list.ts'
import { consoleActions, consoleAuthTokensShow, remoteConsolesCreate } from './consoles/remote-consoles.ts'
import { extensionRoutes } from './extensions/extensions.ts'
import { flavorRoutes } from './flavors/index.ts'
import { hostRoutes } from './hosts/hosts.ts'
import { hypervisorRoutes } from './hypervisors/index.ts'
import { identityRoutes } from './identity/index.ts'
import { imageRoutes } from './images/index.ts'
import { instanceActionsList, instanceActionsShow } from './instance-actions/list.ts'
import { keyPairRoutes } from './keypairs/index.ts'
import { migrationRoutes } from './migrations/migrations.ts'
import { networkRoutes } from './networks/index.ts'
import { quotaRoutes } from './quotas/index.ts'
import { removedRoutes } from './removed.ts'
import type { Route } from './route.ts'
import { serverGroupRoutes } from './server-groups/server-groups.ts'
import { consoleOutput, serverDiagnostics } from './server-inspection/from-agent.ts'
import { serverPasswordClear, serverPasswordShow } from './server-inspection/password.ts'
import { serverTopology } from './server-inspection/topology.ts'
import { serverMetadataRoutes } from './server-metadata/metadata.ts'
import { addressesList, addressesShow } from './server-networking/addresses.ts'
import { interfacesCreate, interfacesDelete, interfacesList, interfacesShow } from './server-networking/interfaces.ts'
import { networkProxyRoutes } from './server-networking/network-proxies.ts'
import { securityGroupActions, serverSecurityGroups } from './server-networking/security-groups.ts'
import { serverTagRoutes } from './server-tags/tags.ts'
import { serverRoutes } from './servers/index.ts'
import { assistedSnapshotsCreate, assistedSnapshotsDelete } from './service-calls/assisted-snapshots.ts'
import { externalEventsCreate } from './service-calls/external-events.ts'
import { serviceRoutes } from './services/index.ts'
import { shareRoutes } from './shares/shares.ts'
import { usageRoutes } from './usage/index.ts'
import { versionsShow } from './versions.ts'
import { volumeAttachmentRoutes } from './volume-attachments/attachments.ts'
import { volumesBootRoutes } from './volumes-boot.ts'

export const allRoutes: readonly Route[] = [
  versionsShow,
  ...serverRoutes,
  ...volumesBootRoutes,
  ...serverMetadataRoutes,
  ...serverTagRoutes,
  addressesList,
  addressesShow,
  interfacesList,
  interfacesCreate,
  interfacesShow,
  interfacesDelete,
  serverSecurityGroups,
  ...securityGroupActions,
  ...networkProxyRoutes,
  serverPasswordShow,
  serverPasswordClear,
  serverTopology,
  serverDiagnostics,
  consoleOutput,
  remoteConsolesCreate,
  ...consoleActions,
  consoleAuthTokensShow,
  ...volumeAttachmentRoutes,
  ...shareRoutes,
  ...migrationRoutes,
  externalEventsCreate,
  assistedSnapshotsCreate,
  assistedSnapshotsDelete,
  instanceActionsList,
  instanceActionsShow,
  ...flavorRoutes,
  ...keyPairRoutes,
  ...quotaRoutes,
  ...usageRoutes,
  ...serverGroupRoutes,
  ...extensionRoutes,
  ...hypervisorRoutes,
  ...serviceRoutes,
  ...aggregateRoutes,
  availabilityZonesList,
  availabilityZonesDetail,
  ...hostRoutes,
  ...imageRoutes,
  ...networkRoutes,
  ...identityRoutes,
  ...removedRoutes,
]
