// Tests use these computations to show that none throws an unexpected error for an object that the API server accepts.
import { admit } from '../actions/admit.ts'
import { buildDomain } from '../agent/domain/build.ts'
import { makeDomainInput } from '../agent/domain/examples.ts'
import { toDomainInput } from '../agent/host/domain-input.ts'
import { buildMetadataFiles } from '../agent/image/metadata.ts'
import { findBootProblems } from '../controller/boot-problems.ts'
import { serverIndexes } from '../controller/indexes.ts'
import { AddressTable } from '../controller/network/address-table.ts'
import { buildInterface } from '../controller/network/interface.ts'
import { findNetworkProblems } from '../controller/network/network-problems.ts'
import { makeNetwork, makePort, makeSubnet } from '../controller/network/testing.ts'
import { toHostTable } from '../controller/scheduler/host-table.ts'
import { aggregatesByHost, toHostView } from '../controller/scheduler/host-view.ts'
import { demandOf } from '../controller/scheduler/request.ts'
import { selectHost } from '../controller/scheduler/select-host.ts'
import { makeHostView, makeHypervisor, makeRequest } from '../controller/scheduler/testing.ts'
import { buildInstance } from '../controller/server/instance.ts'
import {
  type Flavor,
  type HostAggregate,
  type Hypervisor,
  type Image,
  isKubenovaError,
  type KeyPair,
  type Network,
  type Port,
  type Server,
  type ServerAction,
} from '../crds/index.ts'
import { fingerprintOf } from '../crds/keypair-fingerprint.ts'
import type { Manifest } from './manifests.ts'

const base = { apiVersion: 'compute.kubenova.io/v1alpha1', metadata: { name: 'x', namespace: 'default', uid: 'uid-x' } }
const flavor: Flavor = {
  ...base,
  kind: 'Flavor',
  spec: { vcpus: 1, ram: 512, disk: 1, ephemeral: 0, swap: 0, isPublic: true },
}
const image: Image = {
  ...base,
  kind: 'Image',
  spec: { url: 'https://a.example/b', format: 'qcow2', minDisk: 0, minRam: 0, visibility: 'public' },
}
const server: Server = {
  ...base,
  kind: 'Server',
  spec: { flavor: 'x', image: { name: 'x' }, configDrive: true, networks: [], powerState: 'Running', locked: false },
}

function runScheduler(f: Flavor, i: Image): void {
  selectHost(makeRequest({ flavor: f.spec, image: i.spec }), toHostTable([makeHostView('h1'), makeHostView('h2')]))
  demandOf(f.spec, i.spec)
  findBootProblems({ flavor: f, image: i, namespace: 'default' })
}

function runBuild(s: Server, f: Flavor, i: Image): void {
  const serverWithUid = { ...s, metadata: { ...s.metadata, uid: 'b7e23ec2-9af1-4d3c-8a4f-0b0c3c1d2e3f' } }
  const instance = buildInstance(serverWithUid, { flavor: f, image: i, nics: [] }, [], {
    availabilityZone: 'nova',
    hasSecretUserData: false,
  })
  const guest = { server: serverWithUid, instance }
  buildMetadataFiles(guest, new Uint8Array(512))
  const { paths, host: facts } = makeDomainInput()
  const disks = { disks: { root: paths.rootDisk }, attached: [] }
  const files = {
    dir: '/d',
    ephemeral: '/e',
    swap: '/s',
    vnc: '/v',
    rootDisk: '/r',
    configDrive: '/c',
    consoleLog: '/l',
    nvram: '/n',
    rescueNvram: '/rn',
  }
  buildDomain(toDomainInput(guest, 'boot', { host: facts, paths: files, disks }))
}

const computations: Record<string, (object: never) => void> = {
  Flavor(f: Flavor) {
    runScheduler(f, image)
    runBuild(server, f, image)
  },
  Image(i: Image) {
    runScheduler(flavor, i)
    runBuild(server, flavor, i)
    void new URL(i.spec.url)
  },
  KeyPair: (k: KeyPair) => void fingerprintOf(k.spec),
  Network(n: Network) {
    const problems = findNetworkProblems(n, [n, makeNetwork([makeSubnet('10.20.0.0/24')], { bridge: 'br0' })])
    const table = new AddressTable()
    table.setNetwork(n)
    if (problems.length > 0) return
    const allocated = table.reserve([], 0, 1000)
    buildInterface(n, makePort('p', { allocated, mac: 'fa:16:3e:00:00:01' }))
  },
  Port(p: Port) {
    const table = new AddressTable()
    table.setNetwork(makeNetwork([makeSubnet('10.20.0.0/24'), makeSubnet('2001:db8::/64')]))
    table.observe(p, 0)
    table.conflictingOwner(p)
    table.reserveExactly(p.spec.fixedIPs ?? [], 1000, p.metadata.uid)
  },
  Server(s: Server) {
    for (const index of serverIndexes) index.valuesOf(s)
    admit(s, 'reboot', { type: 'SOFT' })
    runBuild(s, flavor, image)
  },
  ServerAction: ({ spec }: ServerAction) => void admit(server, spec.action, spec[spec.action]),
  Hypervisor(h: Hypervisor) {
    const view = toHostView(h, [], makeHostView('h1').used)
    const reported = toHostView({ ...makeHypervisor('h1'), spec: h.spec }, [], view.used)
    selectHost(makeRequest(), toHostTable([view, reported]))
  },
  HostAggregate: (a: HostAggregate) => void aggregatesByHost([a]),
}

/**
 * Ignores Kubenova's own errors unless their kind is `Bug`, because controller and agent can report them in the
 * object's status.
 */
export function computeWithoutEffects(object: Manifest): void {
  try {
    computations[object.kind]?.(object as never)
  } catch (error) {
    if (!isKubenovaError(error) || error.kind === 'Bug') throw error
  }
}
