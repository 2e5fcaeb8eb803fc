/**
 * Network namespaces stand for hosts, guests and a switch, to test the host network with real packets. A guest's eth0
 * is one end of a veth pair; the other end, on the host, is used like the tap of a guest. Each namespace exists until
 * the process that holds it ends.
 */
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { waitUntil } from './wait-until.ts'

const execute = promisify(execFile)

/** Use the system's Python: the wrappers of version managers take half a second to start. */
const PYTHON = '/usr/bin/python3'

/**
 * A network, a mount and a PID namespace. The mount namespace has its own /run, where `ip netns` keeps the names of
 * network namespaces.
 */
export interface Space extends AsyncDisposable {
  readonly pid: number
  readonly enterCommand: readonly string[]
  run(...argv: string[]): Promise<string>
}

export async function createSpace(): Promise<Space> {
  const script = [
    'mount -t tmpfs run /run && mkdir /run/netns && ip link set lo up',
    // The DHCP client udhcpc runs this script, with the received options in the environment.
    `printf '#!/bin/sh\\ntest "$1" = bound && env\\n' >/run/print-lease && chmod +x /run/print-lease`,
    // `cat` holds the namespaces. When the test process ends, standard input closes and `cat` ends.
    'echo ready && exec cat',
  ].join(' && ')
  const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const holder = spawn('unshare', [...namespaces, 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(holder.stdout, 'data')
  const pid = Number(readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8'))
  const prefix = ['nsenter', `--target=${pid}`, '--net', '--mount', '--pid']
  return {
    pid,
    enterCommand: prefix,
    run: async (...argv) => (await execute('nsenter', [...prefix.slice(1), ...argv])).stdout,
    async [Symbol.asyncDispose]() {
      const gone = once(holder, 'exit')
      holder.kill('SIGKILL')
      await gone
    },
  }
}

export async function connectSpaces(
  a: Space,
  aDevice: string,
  b: Space,
  bDevice: string,
  ...more: string[]
): Promise<void> {
  const near = ['-t', `${a.pid}`, '-n', 'ip', 'link', 'add', 'name', aDevice, 'type', 'veth']
  await execute('nsenter', [...near, 'peer', 'name', bDevice, ...more, 'netns', `${b.pid}`])
  await a.run('ip', 'link', 'set', aDevice, 'up')
  await b.run('ip', 'link', 'set', bDevice, 'up')
}

export async function createSwitch(hosts: readonly Space[], device: string): Promise<Space> {
  const hub = await createSpace()
  await hub.run('ip', 'link', 'add', 'sw', 'type', 'bridge', 'stp_state', '0', 'forward_delay', '0')
  await hub.run('ip', 'link', 'set', 'sw', 'up')
  for (const [i, host] of hosts.entries()) {
    await connectSpaces(host, device, hub, `p${i}`)
    await hub.run('ip', 'link', 'set', `p${i}`, 'master', 'sw')
  }
  return hub
}

export async function bootGuest(
  host: Space,
  { tap, bridge, mac, mtu = 1500 }: { tap: string; bridge: string; mac: string; mtu?: number },
): Promise<Space> {
  const guest = await createSpace()
  await connectSpaces(host, tap, guest, 'eth0', 'address', mac, 'mtu', `${mtu}`)
  await host.run('ip', 'link', 'set', tap, 'mtu', `${mtu}`, 'master', bridge)
  return guest
}

/**
 * Resolves to the received values (ip, subnet, router, dns, …); undefined: no server answers within `tries` seconds.
 */
export async function requestDhcpLease(
  guest: Space,
  tries = 5,
  ...more: string[]
): Promise<Record<string, string> | undefined> {
  const requested = ['router', 'dns', 'staticroutes', 'mtu', 'domain', 'hostname', 'serverid', 'lease'].flatMap((o) => [
    '-O',
    o,
  ])
  const client = [
    'busybox',
    'udhcpc',
    '-i',
    'eth0',
    '-f',
    '-q',
    '-n',
    '-t',
    `${tries}`,
    '-T',
    '1',
    '-s',
    '/run/print-lease',
  ]
  try {
    const lines = (await guest.run(...client, ...requested, ...more)).split('\n')
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    )
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 1) return undefined
    throw error
  }
}

/** `next` resolves to the next event of the client, such as `bound 10.0.0.5`. */
export async function startDhcpClient(guest: Space) {
  const args = ['busybox', 'udhcpc', '-i', 'eth0', '-f', '-T', '1', '-s', '/run/events']
  // udhcpc renews its lease from the address of eth0, but does not set this address itself. So the script does.
  const script = `#!/bin/sh\\ntest $1 != bound || ip address replace $ip/$mask dev eth0\\necho $1 $ip\\n`
  await guest.run('sh', '-c', `printf '${script}' >/run/events && chmod +x /run/events`)
  // Leave out --pid. With it, nsenter forks the client, and a signal to nsenter would not reach the client.
  const space = guest.enterCommand.slice(1).filter((part) => part !== '--pid')
  const child = spawn('nsenter', [...space, ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async next(): Promise<string> {
      for (;;) {
        const { value, done } = await lines.next()
        if (done) throw new Error('the DHCP client ended')
        if (!value.startsWith('deconfig')) return value
      }
    },
    renew: () => child.kill('SIGUSR1'),
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

// A Python program that sends a DHCPv6 SOLICIT (with a DUID-LL and one IA_NA) and prints the address of the server's
// ADVERTISE (RFC 8415, sections 8, 21.4-21.6).
const SOLICIT = `
import socket, sys
duid = bytes.fromhex("00030001" + sys.argv[1].replace(":", ""))
option = lambda code, data: code.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data
index = socket.if_nametoindex("eth0")
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(2)
s.bind((sys.argv[2], 546, 0, index))
s.sendto(bytes.fromhex("01abcdef") + option(1, duid) + option(3, bytes(12)) + option(8, bytes(2)), ("ff02::1:2", 547, 0, index))
answer = s.recv(2048)
assert answer[0] == 2, answer.hex()
at = answer.index(bytes.fromhex("00050018")) + 4
print(socket.inet_ntop(socket.AF_INET6, answer[at:at + 16]))
`

export async function requestDhcpv6Offer(guest: Space, mac: string): Promise<string> {
  const source = await waitUntil(
    async () =>
      /inet6 (fe80:[^/]*)/.exec(await guest.run('ip', '-6', 'address', 'show', 'dev', 'eth0', '-tentative'))?.[1],
    { what: 'a link-local address' },
  )
  return (await guest.run(PYTHON, '-c', SOLICIT, mac, source)).trim()
}

const SEND = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
for frame in sys.argv[1:]: s.send(bytes.fromhex(frame))
`
const LISTEN = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((sys.argv[1], 0))
print("ready", flush=True)
while True: print(s.recv(65535).hex(), flush=True)
`

/** Sends frames, given in hexadecimal, unchanged from the guest's eth0. */
export async function sendFrames(guest: Space, ...frames: string[]): Promise<void> {
  await guest.run(PYTHON, '-c', SEND, ...frames)
}

const HOLD = `
import fcntl, struct, sys
f = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(f, 0x400454ca, struct.pack("16sH22x", sys.argv[1].encode(), 0x1002))
fcntl.ioctl(f, 0x400454cb, 1)
print("ready", flush=True)
sys.stdin.read()
`

/** Holds the tap open, as QEMU does, until the result is disposed of. The tap still exists afterwards. */
export async function holdTap(space: Space, tap: string): Promise<AsyncDisposable> {
  const child = spawn('nsenter', [...space.enterCommand.slice(1), PYTHON, '-c', HOLD, tap], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return {
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit')
      child.stdin.end()
      await gone
    },
  }
}

/** All frames that a device sends and receives, in order and in hexadecimal. */
export interface FrameCapture extends Disposable {
  readonly frames: readonly string[]
  /** Waits for a frame that contains `part`. */
  waitForFrame(part: string): Promise<void>
}

export async function captureFrames(space: Pick<Space, 'enterCommand'>, device = 'eth0'): Promise<FrameCapture> {
  const args = [...space.enterCommand.slice(1), PYTHON, '-c', LISTEN, device]
  const child: ChildProcessByStdio<null, Readable, null> = spawn('nsenter', args, {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const frames: string[] = []
  const lines = createInterface({ input: child.stdout })
  await once(lines, 'line')
  lines.on('line', (line) => frames.push(line))
  return {
    frames,
    async waitForFrame(part) {
      await waitUntil(() => frames.some((f) => f.includes(part)), { what: `a frame with ${part}`, deadline: 10_000 })
    },
    [Symbol.dispose]: () => {
      lines.close()
      child.kill('SIGKILL')
    },
  }
}
