export * from './conditions.ts'
export * from './cpu-topology.ts'
export * from './domain-name.ts'
export * from './errors.ts'
export * from './field-managers.ts'
export { type Flavor, flavor } from './kinds/flavor.ts'
export { type HostAggregate, hostAggregate } from './kinds/host-aggregate.ts'
export { type HostSecret, hostSecret } from './kinds/host-secret.ts'
export { type Hypervisor, hypervisor, type Resources } from './kinds/hypervisor.ts'
export { CREDENTIALS_SECRET_TYPE, type Image, image } from './kinds/image.ts'
export { type KeyPair, keyPair } from './kinds/key-pair.ts'
export { hasDhcp, type Network, network, type Subnet } from './kinds/network.ts'
export { type Port, port } from './kinds/port.ts'
export { type Server, server } from './kinds/server.ts'
export type { FailureScope, ServerAction, StepStatus } from './kinds/server-action.ts'
export type {
  AdmittedAction,
  Fault,
  FixedIP,
  HostRejection,
  Instance,
  Interface,
  ServerStatus,
} from './kinds/server-status.ts'
export * from './reasons.ts'
export * from './resource-def.ts'
export * from './schema.ts'
export * from './secret-types.ts'
export * from './states.ts'
export * from './status-owners.ts'
export { version } from './version.ts'
export * from './version-skew.ts'
