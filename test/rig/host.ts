// A libvirt host on this machine for tests: a real libvirtd in its own PID, mount, network and UTS namespaces. When
// process 1 (init.sh) is killed, the kernel ends all processes of the host and removes its mounts and network.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { outerProcess } from './namespace.ts'
import { plugIntoBridge, removeLink, vethName } from './network.ts'
import {
  childPidsOf,
  type Exit,
  endMarkedProcesses,
  endProcess,
  identifyProcess,
  isAlive,
  type ProcessId,
  type RunOptions,
  runCommand,
  signalProcess,
  spawnMarked,
} from './process.ts'
import { FatalError, waitUntil } from './wait-until.ts'

export interface HostOptions {
  /** Directory of the cloud or test. The host's files are in `hosts/NAME`. */
  dir: string
  name: string
  /** `address` is the host's, with prefix length (CIDR). undefined: the host has only a loopback interface. */
  network?: { bridge: string; address: string }
  /**
   * True: as in Debian, QEMU runs as its own user, and virtlogd writes the consoles. Default false: QEMU runs as root,
   * which starts faster.
   */
  stock?: boolean
  /** True: if the test process that starts the host is killed, the next test run removes the host. Default false. */
  owned?: boolean
}

export interface SpawnedInHost extends ProcessId {
  exited: Promise<Exit>
  log: string
  kill(name: NodeJS.Signals): boolean
}

/** The content of `host.json`. */
interface HostState {
  uuid: string
  init?: ProcessId
  libvirtd?: ProcessId
  virtlogd?: ProcessId
}

const here = import.meta.dirname

/**
 * The address of a host without a network. Such a host needs this address, because libvirtd requires one that is not a
 * loopback address. The address is reserved for documentation (RFC 5737).
 */
const UNUSED_ADDRESS = '192.0.2.1'

export async function startHost(options: HostOptions): Promise<Host> {
  const host = new Host(options)
  try {
    await host.start()
  } catch (error) {
    if (options.owned) await host.stop()
    throw error
  }
  return host
}

/** Returns a host that another process has started, perhaps not completely. */
export function findHost(options: HostOptions): Host {
  return new Host(options)
}

export class Host {
  readonly name: string
  readonly home: string
  /** Path of libvirtd's socket outside the host. */
  readonly socket: string
  readonly uri: string
  readonly #options: HostOptions
  readonly #veth: string
  #state: HostState
  /**
   * Number of calls of killLibvirtd() so far. If it grows during a wait for libvirtd, the wait ends without an error,
   * because the caller will restart libvirtd.
   */
  #kills = 0

  constructor(options: HostOptions) {
    this.#options = options
    this.name = options.name
    this.home = join(options.dir, 'hosts', options.name)
    this.socket = join(this.home, 'run/libvirt/libvirt-sock')
    this.uri = `qemu+unix:///system?socket=${this.socket}`
    this.#veth = vethName(options.dir, options.name)
    this.#state = this.#load()
    if (Buffer.byteLength(this.socket) > 107)
      throw new Error(`${this.socket}: too long for a UNIX socket; use a shorter directory`)
  }

  /** PID of the host's process 1, as seen from outside the host. */
  get pid(): number {
    return this.#init().pid
  }

  /** Path of the host's network namespace. */
  get netns(): string {
    return `/proc/${this.pid}/ns/net`
  }

  /** libvirtd, or undefined while it is down. */
  get libvirtd(): ProcessId | undefined {
    const id = this.#state.libvirtd
    return id && isAlive(id) ? id : undefined
  }

  async start(): Promise<void> {
    if (!this.#state.init || !isAlive(this.#state.init)) await this.#boot()
    await this.startLibvirtd()
  }

  async exec(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    return runCommand(this.#commandInside(argv, options.cwd), options)
  }

  /** The output goes to NAME.log in the directory `home`. */
  async spawn(
    argv: readonly string[],
    options: { name: string; cwd?: string; env?: Record<string, string | undefined> },
  ): Promise<SpawnedInHost> {
    const log = join(this.home, `${options.name}.log`)
    const entered = await spawnMarked(this.#commandInside(argv, options.cwd), {
      dir: this.home,
      log,
      owned: this.#options.owned ?? false,
      ...(options.env ? { env: options.env } : {}),
    })
    // nsenter forks to enter the PID namespace, so its only child is the started process.
    const id = await waitUntil(
      () => {
        const [child] = childPidsOf(entered.pid)
        if (child !== undefined) return identifyProcess(child)
        if (!isAlive(entered)) return entered
        return undefined
      },
      { what: `${options.name} on ${this.name}`, every: 2 },
    )
    return { ...id, exited: entered.exited, log, kill: (name) => signalProcess(id, name) }
  }

  /** Runs virsh on this host's libvirtd. */
  async virsh(...args: string[]): Promise<string> {
    return runCommand(['virsh', '--connect', this.uri, ...args])
  }

  /** From libvirt's PID file; undefined: the domain does not run. */
  qemuOf(domain: string): ProcessId | undefined {
    const file = join(this.home, 'run/libvirt/qemu', `${domain}.pid`)
    return existsSync(file) ? outerProcess(this.pid, Number(readFileSync(file, 'utf8'))) : undefined
  }

  /** Waits until libvirtd answers, or until a concurrent killLibvirtd(). */
  async startLibvirtd(): Promise<void> {
    const kills = this.#kills
    if (this.#options.stock) await this.#startVirtlogd()
    if (!this.libvirtd) {
      const { pid, startTime } = await this.spawn(['libvirtd', '--listen'], { name: 'libvirtd' })
      this.#save({ libvirtd: { pid, startTime } })
    }
    const isAnswering = async () => {
      if (this.#kills !== kills) return true
      if (!this.libvirtd) throw new FatalError(`libvirtd of ${this.name} ended: see ${this.home}/libvirtd.log`)
      await connectTo(this.socket)
      await this.virsh('uri')
      return true
    }
    await waitUntil(isAnswering, { what: `libvirtd of ${this.name}` })
  }

  /** libvirtd needs virtlogd to start a guest. virtlogd keeps running when libvirtd ends. */
  async #startVirtlogd(): Promise<void> {
    const { virtlogd } = this.#state
    if (virtlogd && isAlive(virtlogd)) return
    const { pid, startTime } = await this.spawn(['virtlogd'], { name: 'virtlogd' })
    this.#save({ virtlogd: { pid, startTime } })
    const socket = join(this.home, 'run/libvirt/virtlogd-sock')
    await waitUntil(() => connectTo(socket).then(() => true), { what: `virtlogd of ${this.name}` })
  }

  /** Kills libvirtd. Guests keep running. */
  async killLibvirtd(name: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#kills += 1
    if (this.libvirtd) await endProcess(this.libvirtd, name)
  }

  /** Simulates a power failure. The files stay, and start() boots the host again. */
  async powerOff(): Promise<void> {
    if (this.#state.init) await endProcess(this.#state.init, 'SIGKILL')
    await endMarkedProcesses(this.home)
    await removeLink(this.#veth)
  }

  /** Ends the host and removes its files. */
  async stop(): Promise<void> {
    await this.powerOff()
    rmSync(this.home, { recursive: true, force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #commandInside(argv: readonly string[], cwd = '/'): string[] {
    return ['nsenter', '--target', `${this.pid}`, '--mount', '--uts', '--net', '--pid', `--wdns=${cwd}`, '--', ...argv]
  }

  #init(): ProcessId {
    const { init } = this.#state
    if (!init || !isAlive(init)) throw new Error(`host ${this.name} is not running`)
    return init
  }

  async #boot(): Promise<void> {
    await this.powerOff()
    const ready = join(this.home, 'ready')
    for (const path of [ready, join(this.home, 'run')]) rmSync(path, { recursive: true, force: true })
    this.#writeConfiguration()
    const argv = ['unshare', '--fork', '--pid', '--net', '--mount', '--uts']
    const init = [join(here, 'host/init.sh'), this.home, this.name, hostsFileOf(this.#options)]
    const started = await spawnMarked([...argv, ...init], {
      dir: this.home,
      log: join(this.home, 'init.log'),
      owned: this.#options.owned ?? false,
    })
    const id = await waitUntil(
      () => {
        if (existsSync(ready)) return identifyProcess(Number(readFileSync(ready, 'utf8')))
        if (!isAlive(started)) throw new FatalError(readFileSync(join(this.home, 'init.log'), 'utf8'))
        return undefined
      },
      { what: `namespaces of host ${this.name}`, every: 5 },
    )
    this.#save({ init: id })
    const { network } = this.#options
    if (network) await plugIntoBridge({ ...network, veth: this.#veth, pid: id.pid })
  }

  #writeConfiguration(): void {
    const { network, stock } = this.#options
    const etc = join(this.home, 'etc/libvirt')
    mkdirSync(etc, { recursive: true })
    const values = { uuid: this.#state.uuid, address: network?.address.split('/')[0] ?? UNUSED_ADDRESS }
    const templates = { 'libvirtd.conf': 'libvirtd.conf', 'qemu.conf': stock ? 'qemu-stock.conf' : 'qemu.conf' }
    for (const [file, name] of Object.entries(templates)) {
      const template = readFileSync(join(here, 'host', name), 'utf8')
      writeFileSync(
        join(etc, file),
        template.replace(/@(uuid|address)@/g, (_, key: 'uuid' | 'address') => values[key]),
      )
    }
    addHostsEntry(hostsFileOf(this.#options), values.address, this.name)
  }

  #load(): HostState {
    const file = join(this.home, 'host.json')
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as HostState) : { uuid: randomUUID() }
  }

  #save(change: Partial<HostState>): void {
    this.#state = { ...this.#state, ...change }
    writeFileSync(join(this.home, 'host.json'), JSON.stringify(this.#state))
  }
}

/**
 * All hosts of a cloud share this /etc/hosts file. In it, the source host of a live migration finds the address of the
 * destination.
 */
function hostsFileOf({ dir }: HostOptions): string {
  return join(dir, 'hosts', 'etc-hosts')
}

/**
 * Overwrites the file in place: running hosts have it bind-mounted, and would not see a new file that is renamed over
 * it.
 */
function addHostsEntry(file: string, address: string, name: string): void {
  const old = existsSync(file) ? readFileSync(file, 'utf8') : '127.0.0.1 localhost\n'
  const others = old.split('\n').filter((line) => line && line.split(/\s+/)[1] !== name)
  writeFileSync(file, `${[...others, `${address} ${name}`].join('\n')}\n`)
}

async function connectTo(path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect(path)
    socket.once('error', reject).once('connect', () => resolve(void socket.destroy()))
  })
}
