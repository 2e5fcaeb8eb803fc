/** Networks, subnets and ports for the tests of addresses. */
import type { Network, Port, Subnet } from '../../crds/index.ts'

export function subnet(cidr: string, more: Partial<Subnet> = {}): Subnet {
  return { cidr, dhcp: true, ...more }
}

type NetworkWords = Partial<Network['spec']> & { name?: string; namespace?: string; uid?: string; created?: string }

export function network(subnets: Subnet[], words: NetworkWords = {}): Network {
  const { name = 'lan', namespace = 'ns', uid = `uid-${name}`, created, ...spec } = words
  return {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'Network',
    metadata: { name, namespace, uid, ...(created ? { creationTimestamp: created } : {}) },
    spec: { mtu: 1500, shared: false, portSecurity: true, subnets, ...spec },
  }
}

interface PortWords {
  given?: string[]
  asked?: string[]
  mac?: string
  namespace?: string
  uid?: string
  created?: string
  network?: { name: string; namespace?: string }
  /** It was made for this one. */
  server?: string
}

export function port(name: string, words: PortWords = {}): Port {
  const { given, asked, mac, namespace = 'ns', uid = `uid-${name}`, created, network = { name: 'lan' }, server } = words
  return {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'Port',
    metadata: { name, namespace, uid, ...(created ? { creationTimestamp: created } : {}) },
    spec: { network, ...(asked ? { fixedIPs: asked } : {}), ...(server ? { server } : {}) },
    ...(given || mac ? { status: { ...(given ? { fixedIPs: given } : {}), ...(mac ? { macAddress: mac } : {}) } } : {}),
  }
}
