/** Networks, subnets and ports for tests of addresses. */
import type { Network, Port, Subnet } from '../../crds/index.ts'

export function makeSubnet(cidr: string, overrides: Partial<Subnet> = {}): Subnet {
  return { cidr, dhcp: true, ...overrides }
}

type NetworkOverrides = Partial<Network['spec']> & { name?: string; namespace?: string; uid?: string; created?: string }

/** The Network ns/lan, unless the overrides name another. */
export function makeNetwork(subnets: Subnet[], overrides: NetworkOverrides = {}): Network {
  const { name = 'lan', namespace = 'ns', uid = `uid-${name}`, created, ...spec } = overrides
  return {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'Network',
    metadata: { name, namespace, uid, ...(created ? { creationTimestamp: created } : {}) },
    spec: { mtu: 1500, shared: false, portSecurity: true, subnets, ...spec },
  }
}

interface PortOverrides {
  /** Addresses in the status. */
  allocated?: string[]
  /** Addresses in the spec. */
  requested?: string[]
  /** The MAC in the status. */
  mac?: string
  namespace?: string
  uid?: string
  created?: string
  network?: { name: string; namespace?: string }
  /** The server that the controller created the port for. */
  server?: string
}

/** A Port on the Network lan of its namespace, unless the overrides name another. */
export function makePort(name: string, overrides: PortOverrides = {}): Port {
  const { allocated, requested, mac, namespace = 'ns', uid = `uid-${name}`, created, server } = overrides
  const { network = { name: 'lan' } } = overrides
  const status = { ...(allocated ? { fixedIPs: allocated } : {}), ...(mac ? { macAddress: mac } : {}) }
  return {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'Port',
    metadata: { name, namespace, uid, ...(created ? { creationTimestamp: created } : {}) },
    spec: { network, ...(requested ? { fixedIPs: requested } : {}), ...(server ? { server } : {}) },
    ...(Object.keys(status).length > 0 ? { status } : {}),
  }
}
