// Sends traffic to a guest and counts what gets lost, from the network namespace in which the agent's DHCP server runs.
import { readFileSync } from 'node:fs'
import type { Server } from '../../crds/index.ts'
import type { Host, SpawnedInHost } from '../rig/host.ts'
import { endProcess } from '../rig/process.ts'
import { waitUntil } from '../rig/wait-until.ts'

const PORT = 7000

/** User data whose guest sends the numbers 0, 1, 2, … on a TCP connection, ten in a second. */
export const countingUserData = `#!/bin/sh
cat >/tmp/count <<'END'
#!/bin/sh
i=0
while :; do echo $i; i=$((i + 1)); usleep 100000; done
END
chmod +x /tmp/count
nc -ll -p ${PORT} -e /tmp/count &
`

/** The result of a measurement of traffic. */
interface TrafficReport {
  pingsSent: number
  pingsLost: number
  /** How many numbers arrived on the TCP connection. */
  received: number
  /** How many numbers are missing among those that arrived. */
  missing: number
}

/**
 * Runs `body` while a ping, five times in a second, and a TCP connection to the guest run. The guest needs
 * countingUserData. Rejects if the TCP connection delivers nothing after `body` any more.
 */
export async function withTraffic(host: Host, server: Server, body: () => Promise<void>): Promise<TrafficReport> {
  const [nic] = server.status?.instance?.interfaces ?? []
  const address = nic?.fixedIPs[0]?.address ?? ''
  const inside = ['ip', 'netns', 'exec', `kubenova-${nic?.networkId.replaceAll('-', '').slice(0, 12)}`, 'busybox']
  const canConnect = (): Promise<boolean> =>
    host.exec([...inside, 'nc', '-w', '1', address, `${PORT}`, '-e', '/bin/true']).then(() => true)
  await waitUntil(canConnect, { what: `port ${PORT} of the guest ${address}`, deadline: 240_000 })
  const tcp = await host.spawn([...inside, 'nc', address, `${PORT}`], { name: `tcp-${Date.now()}` })
  const ping = await host.spawn([...inside, 'ping', '-i', '0.2', address], { name: `ping-${Date.now()}` })
  try {
    await waitForNumbers(tcp)
    await body()
    await waitForNumbers(tcp)
    ping.kill('SIGINT')
    await ping.exited
    const numbers = numbersIn(tcp)
    return { ...countPings(ping), received: numbers.length, missing: (numbers.at(-1) ?? 0) + 1 - numbers.length }
  } finally {
    for (const process of [tcp, ping]) await endProcess(process, 'SIGKILL')
  }
}

/** The numbers that arrived on the TCP connection so far. The last line may be incomplete, so it does not count. */
const numbersIn = ({ log }: SpawnedInHost): number[] => readFileSync(log, 'utf8').split('\n').slice(0, -1).map(Number)

async function waitForNumbers(tcp: SpawnedInHost): Promise<void> {
  const before = numbersIn(tcp).length
  await waitUntil(() => numbersIn(tcp).length > before + 5, { what: 'numbers on the TCP connection', deadline: 30_000 })
}

function countPings({ log }: SpawnedInHost): { pingsSent: number; pingsLost: number } {
  const text = readFileSync(log, 'utf8')
  const [, sent, received] = /(\d+) packets transmitted, (\d+) packets received/.exec(text) ?? []
  if (sent === undefined) throw new Error(`${log} has no statistics: ${text.slice(-500)}`)
  return { pingsSent: Number(sent), pingsLost: Number(sent) - Number(received) }
}
