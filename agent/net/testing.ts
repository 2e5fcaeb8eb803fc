import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FixedIP, Interface } from '../../crds/kinds/server-status.ts'
import { bootGuest, createSpace, type Space } from '../../test/rig/segment.ts'
import { buildDesiredNetworks } from './desired.ts'
import { createHostNetwork, type HostNetwork } from './host-network.ts'
import { type Rules, rulesOf } from './rules.ts'
import { createProgramRunner, type RunProgram } from './run.ts'
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

export const createNic = (n: number, more: Partial<Interface> = {}): Interface => ({
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

export const createGuest = (n: number, more: Partial<Interface> = {}): HostedGuest => ({
  id: `guest-${n}`,
  hostname: `web${n}`,
  interfaces: [createNic(n, more)],
})

export const rulesFor = (...guests: HostedGuest[]): Rules =>
  rulesOf([...buildDesiredNetworks(guests, (key) => `/state/${key}`).values()])

/** Returns an observed device that is up. */
export const createLink = (name: string, more: Partial<Link> = {}): Link => ({
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
export const linksByName = (...list: Link[]): Observed['links'] => new Map(list.map((l) => [l.name, l]))

export const ctx = { signal: new AbortController().signal }

export interface TestHost extends AsyncDisposable {
  readonly space: Space
  readonly stateDir: string
  readonly net: HostNetwork
  boot(guest: HostedGuest): Promise<Space>
  restart(wrap?: (run: RunProgram) => RunProgram): Promise<HostNetwork>
}

export async function makeHost(name = 'host'): Promise<TestHost> {
  const stack = new AsyncDisposableStack()
  const stateDir = mkdtempSync(join(tmpdir(), 'kubenova-net-'))
  stack.defer(() => rmSync(stateDir, { recursive: true, force: true }))
  // dnsmasq reads its files again as `nobody`, so it must be able to enter the folder.
  chmodSync(stateDir, 0o755)
  const space = stack.use(await createSpace())
  const run = createProgramRunner(space.enterCommand)
  const start = (runProgram: RunProgram) => createHostNetwork({ stateDir, host: name, runProgram })
  let net = start(run)
  stack.defer(() => net.close())
  return {
    space,
    stateDir,
    get net() {
      return net
    },
    async boot(guestToBoot) {
      const [first] = await net.plug(guestToBoot, ctx)
      if (!first) throw new Error('no interface')
      return stack.use(await bootGuest(space, { ...first, mac: first.macAddress }))
    },
    async restart(wrap = (run) => run) {
      await net.close()
      net = start(wrap(run))
      return net
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

export async function readHostState({ space, stateDir }: TestHost): Promise<unknown> {
  const links = JSON.parse(await space.run('ip', '-json', '-details', 'address', 'show')) as Record<string, unknown>[]
  const namespaces = (await space.run('ip', 'netns', 'list')).replaceAll(/ \(id: \d+\)/g, '')
  const rules = await listedRules(space)
  const processes = (await space.run('ps', '-eo', 'stat,comm')).split('\n').filter((p) => /^[^Z].*dnsmasq/.test(p))
  const files = await space.run('find', stateDir, '-type', 'f')
  links.sort((a, b) => (String(a['ifname']) < String(b['ifname']) ? -1 : 1))
  return { links: links.map(stableFieldsOf), namespaces, rules, processes, files }
}

/** Sorts the chains, because nft lists them in the order in which they were added. */
export async function listedRules(space: Space): Promise<string[]> {
  const listing = await space.run('nft', '--stateless', 'list', 'ruleset')
  return listing
    .split(/^(?=\tchain |\})/m)
    .map((part) => part.trim())
    .toSorted()
}

/**
 * Drops the fields that may differ between devices with equal settings. The kernel sets the carrier flags with a delay.
 */
function stableFieldsOf({ ifname, flags, mtu, master, addr_info }: Record<string, unknown>) {
  const stableFlags = Array.isArray(flags)
    ? flags.filter((flag) => flag !== 'LOWER_UP' && flag !== 'NO-CARRIER')
    : flags
  return { ifname, flags: stableFlags, mtu, master, addr_info }
}
