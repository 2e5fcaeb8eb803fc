import type { Network, Port, Subnet } from '../../crds/index.ts'

export function makeSubnet(cidr: string, overrides: Partial<Subnet> = {}): Subnet {
  return { cidr, ...overrides }
}

type NetworkOverrides = Partial<Network['spec']> & { name?: string; namespace?: string; uid?: string; created?: string }

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
  /** The addresses in the Port's status. */
  allocated?: string[]
  /** The addresses in the Port's spec. */
  requested?: string[]
  /** The MAC in the Port's status. */
  mac?: string
  namespace?: string
  uid?: string
  created?: string
  network?: { name: string; namespace?: string }
  /** The server that the controller created the Port for; absent for a Port of a user. */
  server?: string
}

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
