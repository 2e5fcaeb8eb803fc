// Sends traffic to a guest and counts what gets lost. The sender has a network namespace and a port of its own on the
// guest's bridge.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { Server } from '../../crds/index.ts'
import type { Host, SpawnedInHost } from '../rig/host.ts'
import type { PodCloud } from '../rig/pod-cloud.ts'
import { endProcess } from '../rig/process.ts'
import { waitUntil } from '../rig/wait-until.ts'

const PORT = 7000

const countingUserData = `#!/bin/sh
cat >/tmp/count <<'END'
#!/bin/sh
i=0
while :; do echo $i; i=$((i + 1)); usleep 100000; done
END
chmod +x /tmp/count
nc -ll -p ${PORT} -e /tmp/count &
`

export async function applyCountingServer({ dir, plane }: PodCloud): Promise<void> {
  const quickstart = join(import.meta.dirname, '../../examples/quickstart')
  for (const name of ['flavor', 'image', 'network', 'keypair'])
    await plane.kubectl('apply', '--server-side', '-f', join(quickstart, `${name}.yaml`))
  const server = parse(readFileSync(join(quickstart, 'server.yaml'), 'utf8')) as Server
  const file = join(dir, 'server.json')
  writeFileSync(file, JSON.stringify({ ...server, spec: { ...server.spec, userData: countingUserData } }))
  await plane.kubectl('apply', '--server-side', '-f', file)
  await plane.kubectl('wait', '--for=condition=Ready', 'server/web-1', '--timeout=90s')
}

interface TrafficReport {
  pings: Arrivals
  tcp: Arrivals
}

interface Arrivals {
  arrived: number
  /** Number of missing packets before the last one that arrived. */
  lost: number
}

/**
 * Runs `body` during pings (five per second) and a TCP connection to the guest of applyCountingServer(). Rejects if
 * nothing arrives any more after `body`.
 */
export async function withTraffic(host: Host, server: Server, body: () => Promise<void>): Promise<TrafficReport> {
  const address = server.status?.addresses?.[0]?.address ?? ''
  await using sender = await attachSender(host, server)
  const inside = [...sender.enter, 'busybox']
  const canConnect = (): Promise<boolean> =>
    host.exec([...inside, 'nc', '-w', '1', address, `${PORT}`, '-e', '/bin/true']).then(() => true)
  await waitUntil(canConnect, { what: `port ${PORT} of the guest ${address}`, deadline: 240_000 })
  const tcp = await host.spawn([...inside, 'nc', address, `${PORT}`], { name: `tcp-${Date.now()}` })
  const ping = await host.spawn([...inside, 'ping', '-i', '0.2', address], { name: `ping-${Date.now()}` })
  const pings = (): number[] => readNumbers(ping, /seq=(\d+) /g)
  const lines = (): number[] => readNumbers(tcp, /^(\d+)\n/gm)
  try {
    await waitForMore({ pings, lines })
    await body()
    await waitForMore({ pings, lines })
    return { pings: countArrivals(pings()), tcp: countArrivals(lines()) }
  } finally {
    for (const process of [tcp, ping]) await endProcess(process, 'SIGKILL')
  }
}

/**
 * This address is free: guests have the first addresses of the quickstart's network, and the DHCP server has the last
 * one.
 */
const SENDER_ADDRESS = '10.20.0.250/24'
/** The agent removes ports from its bridge unless they are named like the taps of guests. */
const SENDER_PORT = 'tap-traffic'

/** `enter` is the command that enters the network namespace. */
async function attachSender(host: Host, { status }: Server): Promise<AsyncDisposable & { enter: readonly string[] }> {
  const interfaces = await host.virsh('domiflist', status?.domain?.name ?? '')
  const bridge = / bridge +(\S+)/.exec(interfaces)?.[1] ?? ''
  const ip = (...args: string[]): Promise<string> => host.exec(['ip', ...args])
  await ip('netns', 'add', 'traffic')
  await ip('link', 'add', SENDER_PORT, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'traffic')
  await ip('link', 'set', SENDER_PORT, 'master', bridge, 'up')
  await ip('-n', 'traffic', 'address', 'add', SENDER_ADDRESS, 'dev', 'eth0')
  await ip('-n', 'traffic', 'link', 'set', 'eth0', 'up')
  const remove = async (): Promise<void> => {
    await ip('link', 'delete', SENDER_PORT)
    await ip('netns', 'delete', 'traffic')
  }
  return { enter: ['ip', 'netns', 'exec', 'traffic'], [Symbol.asyncDispose]: remove }
}

const readNumbers = ({ log }: SpawnedInHost, pattern: RegExp): number[] =>
  Array.from(readFileSync(log, 'utf8').matchAll(pattern), ([, number]) => Number(number))

async function waitForMore(sources: Record<string, () => number[]>): Promise<void> {
  for (const [name, read] of Object.entries(sources)) {
    const before = read().length
    await waitUntil(() => read().length > before + 5, { what: `more ${name} from the guest`, deadline: 30_000 })
  }
}

/** Both sources count from 0. */
const countArrivals = (numbers: readonly number[]): Arrivals => ({
  arrived: numbers.length,
  lost: Math.max(...numbers) + 1 - new Set(numbers).size,
})
