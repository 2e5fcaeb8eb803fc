/** The contract suites of all capabilities, each run on the fake, the simulated and the real host. */
import type { Capability } from '../../actions/host/index.ts'
import { configDrivesContract } from './config-drives.contract.ts'
import type { ContractHost } from './contract-host.ts'
import { disksContract } from './disks.contract.ts'
import { domainsContract } from './domains.contract.ts'
import { guestAgentContract } from './guest-agent.contract.ts'
import { imagesContract } from './images.contract.ts'
import { portsContract } from './ports.contract.ts'

const contracts: Readonly<Record<Capability, (getHost: () => ContractHost) => void>> = {
  images: imagesContract,
  disks: disksContract,
  configDrives: configDrivesContract,
  ports: portsContract,
  domains: domainsContract,
  guestAgent: guestAgentContract,
}

export function describeContracts(getHost: () => ContractHost): void {
  for (const contract of Object.values(contracts)) contract(getHost)
}
