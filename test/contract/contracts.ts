import type { Capability } from '../../actions/host/index.ts'
import { describeConfigDrivesContract } from './config-drives.contract.ts'
import type { ContractHost } from './contract-host.ts'
import { describeDisksContract } from './disks.contract.ts'
import { describeDomainsContract } from './domains.contract.ts'
import { describeGuestAgentContract } from './guest-agent.contract.ts'
import { describeImagesContract } from './images.contract.ts'
import { describePortsContract } from './ports.contract.ts'
import { describeRescueDisksContract } from './rescue-disks.contract.ts'

const contractSuites: Readonly<Record<Capability, (getHost: () => ContractHost) => void>> = {
  images: describeImagesContract,
  disks: describeDisksContract,
  rescueDisks: describeRescueDisksContract,
  configDrives: describeConfigDrivesContract,
  ports: describePortsContract,
  domains: describeDomainsContract,
  guestAgent: describeGuestAgentContract,
}

export function describeContracts(getHost: () => ContractHost): void {
  for (const describeContract of Object.values(contractSuites)) describeContract(getHost)
}
