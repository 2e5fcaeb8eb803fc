/** What the tests of this folder share: interfaces as a placed server has them, and a host of its own for each test. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FixedIP, Interface } from '../../crds/kinds/server-status.ts'
import { bootGuest, makeSpace, type Space } from '../../test/rig/segment.ts'
import { desiredNetworks } from './desired.ts'
import { createHostNetwork, type HostNetwork } from './host-network.ts'
import { type Rules, rulesOf } from './rules.ts'
import { createRun, type Run } from './run.ts'
import type { HostedGuest, Link, Observed } from './types.ts'

export const NETWORK = '0a1b2c3d-4e5f-4a6b-8c7d-8e9f0a1b2c3d'
export const KEY = '0a1b2c3d4e5f'

export const fixedIP = (n: number, more: Partial<FixedIP> = {}): FixedIP => ({
  address: `10.0.0.${n}`,
  prefixLength: 24,
  gateway: '10.0.0.1',
  dnsServers: ['192.0.2.53'],
  dhcp: true,
  dhcpAddress: '10.0.0.254',
  ...more,
})

/** Port number n of the network: MAC fa:16:3e:00:00:0n, address 10.0.0.n. */
export const nic = (n: number, more: Partial<Interface> = {}): Interface => ({
  port: `port-${n}`,
  portId: `${String(n).padStart(8, '0')}-aaaa-4bbb-8ccc-dddddddddddd`,
  network: 'net',
  networkNamespace: 'project',
  networkId: NETWORK,
  mtu: 1500,
  macAddress: `fa:16:3e:00:00:${String(n).padStart(2, '0')}`,
  portSecurity: true,
  fixedIPs: [fixedIP(n)],
  ...more,
})

export const guest = (n: number, more: Partial<Interface> = {}): HostedGuest => ({
  id: `guest-${n}`,
  hostname: `web${n}`,
  interfaces: [nic(n, more)],
})

/** The rules of a host with these guests. */
export const rulesFor = (...guests: HostedGuest[]): Rules =>
  rulesOf([...desiredNetworks(guests, { folder: (key) => `/state/${key}` }).values()])

/** A device that is up. */
export const link = (name: string, more: Partial<Link> = {}): Link => ({
  name,
  index: 1,
  mac: '',
  mtu: 1500,
  up: true,
  carrier: true,
  linkLocal: false,
  stp: false,
  persistent: false,
  addresses: [],
  ...more,
})
export const links = (...list: Link[]): Observed['links'] => new Map(list.map((l) => [l.name, l]))

export const ctx = { signal: new AbortController().signal }

export interface TestHost extends AsyncDisposable {
  readonly space: Space
  readonly stateDir: string
  readonly net: HostNetwork
  /** Plugs and starts it, as the agent and libvirt do. */
  boot(who: HostedGuest): Promise<Space>
  /** The same host with a new agent. `meddle` may stand between the agent and the host's programs. */
  restart(meddle?: (run: Run) => Run): Promise<HostNetwork>
}

export async function makeHost(name = 'host'): Promise<TestHost> {
  const stack = new AsyncDisposableStack()
  const stateDir = mkdtempSync(join(tmpdir(), 'kubenova-net-'))
  stack.defer(() => rmSync(stateDir, { recursive: true, force: true }))
  // dnsmasq is nobody when it reads its files again.
  chmodSync(stateDir, 0o755)
  const space = stack.use(await makeSpace())
  const run = createRun(space.prefix)
  const start = (through: Run) => createHostNetwork({ stateDir, host: name, run: through, dhcpDomain: 'novalocal' })
  let net = start(run)
  stack.defer(() => net.close())
  return {
    space,
    stateDir,
    get net() {
      return net
    },
    async boot(who) {
      const [first] = await net.plug(who, ctx)
      if (!first) throw new Error('no interface')
      return stack.use(await bootGuest(space, { ...first, mac: first.macAddress }))
    },
    async restart(meddle = (it) => it) {
      await net.close()
      net = start(meddle(run))
      return net
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** All that a network could leave behind, as the kernel tells it. */
export async function traces({ space, stateDir }: TestHost): Promise<unknown> {
  const links = JSON.parse(await space.run('ip', '-json', '-details', 'address', 'show')) as Record<string, unknown>[]
  const spaces = (await space.run('ip', 'netns', 'list')).replaceAll(/ \(id: \d+\)/g, '')
  const rules = await listedRules(space)
  const processes = (await space.run('ps', '-eo', 'stat,comm')).split('\n').filter((p) => /^[^Z].*dnsmasq/.test(p))
  const files = await space.run('find', stateDir, '-type', 'f')
  links.sort((a, b) => (String(a['ifname']) < String(b['ifname']) ? -1 : 1))
  return { links: links.map(settled), spaces, rules, processes, files }
}

/** As nft lists them, in the order of the names of chains: it has them in the order in which they came. */
export async function listedRules(space: Space): Promise<string[]> {
  const listing = await space.run('nft', '--stateless', 'list', 'ruleset')
  return listing
    .split(/^(?=\tchain |\})/m)
    .map((part) => part.trim())
    .toSorted()
}

/** Without what differs from one device to its like, or follows others in the kernel's own time, as a bridge's carrier does. */
function settled({ ifname, flags, mtu, master, addr_info }: Record<string, unknown>) {
  const own = Array.isArray(flags) ? flags.filter((flag) => flag !== 'LOWER_UP' && flag !== 'NO-CARRIER') : flags
  return { ifname, flags: own, mtu, master, addr_info }
}
