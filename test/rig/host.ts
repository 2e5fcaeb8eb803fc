// A libvirt host on this machine: namespaces of its own (PID, mount, network, UTS) with a real libvirtd in them.
// init.sh is process 1 of the host: kill it, and the kernel ends libvirtd, every QEMU, dnsmasq and agent of that host
// and drops its mounts and network; no list of things to clean up can be out of date.
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
  isAlive,
  type ProcessId,
  processIdOf,
  type RunOptions,
  runCommand,
  signalProcess,
  spawnMarked,
} from './process.ts'
import { FatalError, waitUntil } from './wait-until.ts'

export interface HostOptions {
  /** Directory of the cloud (or test) that the host is part of; the host lives in `hosts/NAME` in it. */
  dir: string
  name: string
  /** Bridge to plug into, with the host's address on it (CIDR). Without: loopback only, for tests of libvirt alone. */
  network?: { bridge: string; address: string }
  /** libvirt as Debian sets it up: QEMU as a user of its own, its output by virtlogd. Default false: QEMU as root, which starts sooner. */
  stock?: boolean
  /** Ends with the process that started it, at the latest when the next run sweeps. Default false. */
  owned?: boolean
}

export interface SpawnedInHost extends ProcessId {
  exited: Promise<Exit>
  log: string
  kill(name: NodeJS.Signals): boolean
}

/** What survives in `host.json` between processes. */
interface HostState {
  uuid: string
  init?: ProcessId
  libvirtd?: ProcessId
  virtlogd?: ProcessId
}

const here = import.meta.dirname

/** libvirtd refuses an address of its own machine's loopback as the one that others reach it by (RFC 5737, for documentation). */
const NOBODY = '192.0.2.1'

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

/** A host that another process has started, or has only half started: for looking at it and for stopping it. */
export function findHost(options: HostOptions): Host {
  return new Host(options)
}

export class Host {
  readonly name: string
  /** Everything of this host: its /run, /etc/libvirt, /var/…, logs. */
  readonly home: string
  /** libvirtd's socket as the root namespace reaches it. */
  readonly socket: string
  readonly uri: string
  readonly #options: HostOptions
  readonly #veth: string
  #state: HostState
  /** How often libvirtd was killed. */
  #kills = 0

  constructor(options: HostOptions) {
    this.#options = options
    this.name = options.name
    this.home = join(options.dir, 'hosts', options.name)
    this.socket = join(this.home, 'run/libvirt/libvirt-sock')
    this.uri = `qemu+unix:///system?socket=${this.socket}`
    this.#veth = vethName(options.dir, options.name)
    this.#state = this.#load()
    // sun_path has room for 107 bytes.
    if (Buffer.byteLength(this.socket) > 107)
      throw new Error(`${this.socket}: too long for a UNIX socket; use a shorter directory`)
  }

  /** The host's process 1, whose namespaces are the host. */
  get pid(): number {
    return this.#init().pid
  }

  /** For `ip -n` and its like. */
  get netns(): string {
    return `/proc/${this.pid}/ns/net`
  }

  /** libvirtd, or undefined while it is down. */
  get libvirtd(): ProcessId | undefined {
    const id = this.#state.libvirtd
    return id && isAlive(id) ? id : undefined
  }

  /** Brings up whatever part of the host is not up; nothing else changes. */
  async start(): Promise<void> {
    if (!this.#state.init || !isAlive(this.#state.init)) await this.#boot()
    await this.startLibvirtd()
  }

  /** Runs a command inside the host to its end and gives its standard output. */
  async exec(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    return runCommand(this.#inside(argv, options.cwd), options)
  }

  /** Starts a long-lived process inside the host; its output goes to NAME.log in the host's directory. */
  async spawn(
    argv: readonly string[],
    options: { name: string; cwd?: string; env?: Record<string, string | undefined> },
  ): Promise<SpawnedInHost> {
    const log = join(this.home, `${options.name}.log`)
    const entered = await spawnMarked(this.#inside(argv, options.cwd), {
      dir: this.home,
      log,
      owned: this.#options.owned ?? false,
      ...(options.env ? { env: options.env } : {}),
    })
    // nsenter forks to enter a PID namespace and then waits: the process meant is its only child.
    const id = await waitUntil(
      () => {
        const [child] = childPidsOf(entered.pid)
        if (child !== undefined) return processIdOf(child)
        if (!isAlive(entered)) return entered
        return undefined
      },
      { what: `${options.name} on ${this.name}`, every: 2 },
    )
    return { ...id, exited: entered.exited, log, kill: (name) => signalProcess(id, name) }
  }

  /** virsh on this host's libvirtd. */
  async virsh(...args: string[]): Promise<string> {
    return runCommand(['virsh', '--connect', this.uri, ...args])
  }

  /** QEMU of a running domain, by libvirt's pid file. */
  qemu(domain: string): ProcessId | undefined {
    const file = join(this.home, 'run/libvirt/qemu', `${domain}.pid`)
    return existsSync(file) ? outerProcess(this.pid, Number(readFileSync(file, 'utf8'))) : undefined
  }

  /** Starts libvirtd unless it runs, and waits until it answers, or is killed once more: who does that brings it back. */
  async startLibvirtd(): Promise<void> {
    const kills = this.#kills
    if (this.#options.stock) await this.#startVirtlogd()
    if (!this.libvirtd) {
      const { pid, startTime } = await this.spawn(['libvirtd', '--listen'], { name: 'libvirtd' })
      this.#save({ libvirtd: { pid, startTime } })
    }
    const answers = async () => {
      if (this.#kills !== kills) return true
      if (!this.libvirtd) throw new FatalError(`libvirtd of ${this.name} ended: see ${this.home}/libvirtd.log`)
      await connectTo(this.socket)
      await this.virsh('uri')
      return true
    }
    await waitUntil(answers, { what: `libvirtd of ${this.name}` })
  }

  /** Before libvirtd, which looks for its socket when a guest starts; it goes on when libvirtd ends. */
  async #startVirtlogd(): Promise<void> {
    const { virtlogd } = this.#state
    if (virtlogd && isAlive(virtlogd)) return
    const { pid, startTime } = await this.spawn(['virtlogd'], { name: 'virtlogd' })
    this.#save({ virtlogd: { pid, startTime } })
    const socket = join(this.home, 'run/libvirt/virtlogd-sock')
    await waitUntil(() => connectTo(socket).then(() => true), { what: `virtlogd of ${this.name}` })
  }

  /** Ends libvirtd alone; guests go on. */
  async killLibvirtd(name: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#kills += 1
    if (this.libvirtd) await endProcess(this.libvirtd, name)
  }

  /** As a power failure: everything on the host ends at once. Its disks stay; `start` boots it again. */
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

  #inside(argv: readonly string[], cwd = '/'): string[] {
    return ['nsenter', '--target', `${this.pid}`, '--mount', '--uts', '--net', '--pid', `--wdns=${cwd}`, '--', ...argv]
  }

  #init(): ProcessId {
    const { init } = this.#state
    if (!init || !isAlive(init)) throw new Error(`host ${this.name} is not running`)
    return init
  }

  /** Makes the namespaces, with an empty /run as after any boot. */
  async #boot(): Promise<void> {
    await this.powerOff()
    const ready = join(this.home, 'ready')
    for (const old of [ready, join(this.home, 'run')]) rmSync(old, { recursive: true, force: true })
    this.#writeConfiguration()
    const argv = ['unshare', '--fork', '--pid', '--net', '--mount', '--uts']
    const init = [join(here, 'host/init.sh'), this.home, this.name, hostsFile(this.#options)]
    const started = await spawnMarked([...argv, ...init], {
      dir: this.home,
      log: join(this.home, 'init.log'),
      owned: this.#options.owned ?? false,
    })
    const id = await waitUntil(
      () => {
        if (existsSync(ready)) return processIdOf(Number(readFileSync(ready, 'utf8')))
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
    const values = { uuid: this.#state.uuid, address: network?.address.split('/')[0] ?? NOBODY }
    const templates = { 'libvirtd.conf': 'libvirtd.conf', 'qemu.conf': stock ? 'qemu-stock.conf' : 'qemu.conf' }
    for (const [file, name] of Object.entries(templates)) {
      const template = readFileSync(join(here, 'host', name), 'utf8')
      writeFileSync(
        join(etc, file),
        template.replace(/@(uuid|address)@/g, (_, key: 'uuid' | 'address') => values[key]),
      )
    }
    addHostsEntry(hostsFile(this.#options), values.address, this.name)
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

/** One hosts file for all hosts of a cloud: migration resolves the other side's name. */
function hostsFile({ dir }: HostOptions): string {
  return join(dir, 'hosts', 'etc-hosts')
}

/** Written in place: a rename would leave the running hosts with the old file in their bind mount. */
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
