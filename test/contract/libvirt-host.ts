/**
 * A real host for the contract suites: libvirtd and QEMU run in Linux namespaces, and the test process runs the agent's
 * code.
 */
import { generateKeyPairSync } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Guest, Host } from '../../actions/host/index.ts'
import { sealSecret, sealUserData } from '../../actions/sealed-secret.ts'
import { newDomainClient } from '../../agent/host/domain-client.ts'
import { type Facts, readHostFacts } from '../../agent/host/facts.ts'
import { Jobs } from '../../agent/host/jobs.ts'
import { newLibvirtHost } from '../../agent/host/libvirt-host.ts'
import { type ServerPaths, serverPathsOf, uidOf } from '../../agent/host/paths.ts'
import { type HostStorage, openStorage } from '../../agent/host/storage.ts'
import { readRescueDisk } from '../../agent/image/rescue-disk.ts'
import { type CallFunction, openSession, type Session } from '../../agent/libvirt/index.ts'
import { createHostNetwork, type HostNetwork } from '../../agent/net/host-network.ts'
import { createProgramRunner } from '../../agent/net/run.ts'
import { AgentOptions } from '../../agent/options.ts'
import { publicSealingKey } from '../../agent/sealing-key.ts'
import type { LocalHost } from '../../agent/server/deps.ts'
import { API_VERSION, domainNameOf, type HostSecret, type Instance } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import { noLog } from '../../kube/log.ts'
import { parseOptions } from '../../kube/options.ts'
import { ensureGuestImage } from '../rig/guest.ts'
import { type Host as RigHost, startHost } from '../rig/host.ts'
import { isAlive, type ProcessId, signalProcess } from '../rig/process.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { type ContractHost, type GuestOptions, type Owner, removeGuest } from './contract-host.ts'
import { foreignDomainXml } from './foreign-domain.ts'
import { newGuest } from './guests.ts'
import { makeSleepingGuestDisk } from './sleeping-guest.ts'

const BOOT_MS = 240_000

/**
 * @param dir directory for all files; its path must be short, because UNIX socket paths are limited to about 100 bytes
 */
export async function startLibvirtHost(dir: string): Promise<LibvirtContractHost> {
  const systemImage = await ensureGuestImage()
  const rig = await startHost({ dir, name: 'h', owned: true })
  const host = new LibvirtContractHost(rig, dir, systemImage.path)
  await host.startAgent()
  return host
}

interface Agent {
  host: LocalHost
  storage: HostStorage
  network: HostNetwork
}

export class LibvirtContractHost implements ContractHost {
  readonly #rig: RigHost
  readonly #dir: string
  readonly #systemImage: string
  readonly #session: Session
  readonly #call: CallFunction
  readonly #guests = new Set<Guest>()
  readonly #sealingKey = generateKeyPairSync('x25519').privateKey
  readonly #hostSecrets = new Map<string, HostSecret>()
  #facts: Facts | undefined
  #agent: Agent | undefined

  constructor(rig: RigHost, dir: string, systemImage: string) {
    this.#rig = rig
    this.#dir = dir
    this.#systemImage = systemImage
    const session = openSession({ uri: rig.uri })
    this.#session = session
    this.#call = (procedure, args, how) => session.call(procedure, args, how)
    for (const folder of ['state', 'images']) mkdirSync(join(dir, folder), { recursive: true, mode: 0o755 })
  }

  get host(): Host {
    if (!this.#agent) throw new Error('no agent runs')
    return this.#agent.host
  }

  virsh(...args: string[]): Promise<string> {
    return this.#rig.virsh(...args)
  }

  directoryOf(guest: Guest): string {
    return this.#paths(guest).dir
  }

  async startAgent(): Promise<void> {
    const stateDir = join(this.#dir, 'state')
    const options = { ...parseOptions(AgentOptions, { args: [], env: {}, prefix: 'CONTRACT' }), stateDir }
    const { build } = await this.#learnFacts(stateDir)
    const storage = await openStorage({ ...options, imageDir: join(this.#dir, 'images') }, noLog)
    const runProgram = createProgramRunner(['nsenter', `--target=${this.#rig.pid}`, '--net', '--mount', '--pid'])
    const network = createHostNetwork({ stateDir: join(stateDir, 'net'), host: 'h', runProgram })
    const host = newLibvirtHost({
      dataDir: stateDir,
      runDir: join(this.#dir, 'run'),
      diskDirs: [stateDir, '/dev'],
      client: newDomainClient(this.#call),
      storage,
      network,
      jobs: new Jobs(() => undefined),
      sealingKey: async () => this.#sealingKey,
      hostSecrets: { get: async ({ name = '' }) => this.#getHostSecret(name) },
      facts: () => build,
    })
    this.#agent = { host, storage, network }
  }

  async restartAgent(): Promise<void> {
    await this.#stopAgent()
    await this.startAgent()
  }

  async restartLibvirtd(): Promise<void> {
    await this.#rig.killLibvirtd()
    await this.#rig.startLibvirtd()
    await this.#waitForConnection()
  }

  async powerCycle(): Promise<void> {
    await this.#stopAgent()
    await this.#rig.powerOff()
    await this.#rig.start()
    await this.#waitForConnection()
    await this.startAgent()
  }

  newGuest(options: GuestOptions = {}): Guest {
    const { image = 'empty', hasSystem = false } = options
    const guest = newGuest(
      options,
      hasSystem ? this.#systemImageRef() : this.#emptyImageRef(image),
      hasSystem ? 128 : 64,
    )
    this.#guests.add(guest)
    return guest
  }

  async waitForBoot(guest: Guest): Promise<void> {
    const isUp = async () => (await readFile(this.#paths(guest).consoleLog, 'utf8')).trimEnd().endsWith('login:')
    await waitUntil(isUp, { what: 'a guest that is up', deadline: BOOT_MS })
  }

  async killQemu(guest: Guest): Promise<void> {
    const qemu = this.#runningQemu(guest)
    if (!qemu) throw new Error('the guest does not run')
    signalProcess(qemu, 'SIGKILL')
    await waitUntil(async () => (await this.rawState(guest)) === 'off', { what: 'libvirtd to see that QEMU is gone' })
  }

  async startForeignDomain({ instance, server }: Guest, owner: Owner | undefined): Promise<void> {
    const file = join(this.#dir, 'foreign.xml')
    writeFileSync(file, foreignDomainXml(instance.uuid, `foreign-${server.metadata.name}`, owner))
    await this.#rig.virsh('define', file)
    await this.#rig.virsh('start', instance.uuid)
  }

  async rawState({ instance }: Guest): Promise<'missing' | 'off' | 'running' | 'paused'> {
    const all = (await this.#rig.virsh('list', '--all', '--uuid')).split('\n')
    if (!all.includes(instance.uuid)) return 'missing'
    const state = (await this.#rig.virsh('domstate', instance.uuid)).trim()
    if (state === 'shut off') return 'off'
    if (state === 'running' || state === 'paused') return state
    throw new Error(`unexpected state: ${state}`)
  }

  async qemuOf(guest: Guest): Promise<ProcessId | undefined> {
    return this.#runningQemu(guest)
  }

  async loseDisks(guest: Guest): Promise<void> {
    await rm(this.#paths(guest).rootDisk)
  }

  async diskIdentity(guest: Guest): Promise<object | undefined> {
    const { rootDisk, ephemeral } = this.#paths(guest)
    if (!existsSync(rootDisk)) return undefined
    const { ino, birthtimeMs } = await stat(rootDisk)
    return { ino, birthtimeMs, ephemeral: existsSync(ephemeral) }
  }

  async rescueDiskIdentity(guest: Guest): Promise<object | undefined> {
    const found = await readRescueDisk(this.#paths(guest).dir)
    if (!found) return undefined
    const { ino, birthtimeMs } = await stat(found.disk.path)
    return { ino, birthtimeMs, requestId: found.system.requestId }
  }

  async disksOfDomain(guest: Guest): Promise<('root disk' | 'rescue disk')[]> {
    const names = { disk: 'root disk', 'disk.rescue': 'rescue disk' } as const
    const list = await this.#rig.virsh('domblklist', '--details', guest.instance.uuid)
    return [...list.matchAll(/^ *file +disk +\S+ +(\S+)$/gm)].map(
      ([, path = '']) => names[basename(path) as keyof typeof names],
    )
  }

  async configDrive(guest: Guest): Promise<string | undefined> {
    const { configDrive } = this.#paths(guest)
    return existsSync(configDrive) ? readFile(configDrive, 'utf8') : undefined
  }

  async sendUserData({ server }: Guest, userData: string): Promise<void> {
    const { name, uid = '' } = server.metadata
    const sealingKey = publicSealingKey(this.#sealingKey)
    const sealed = await sealUserData(Buffer.from(userData), sealingKey, { server: uid })
    const spec = { host: 'h', sealingKey, sealed }
    this.#hostSecrets.set(name, { apiVersion: API_VERSION, kind: 'HostSecret', metadata: { name }, spec })
  }

  async withdrawUserData({ server }: Guest): Promise<void> {
    this.#hostSecrets.delete(server.metadata.name)
  }

  async hasPorts({ instance }: Guest): Promise<boolean> {
    const rules = await this.#rig.exec(['nft', 'list', 'ruleset'])
    return instance.interfaces.every(({ macAddress }) => rules.includes(macAddress))
  }

  async sealPassword(guest: Guest, request: string): Promise<string> {
    return sealSecret('secret', publicSealingKey(this.#sealingKey), { server: uidOf(guest), request })
  }

  async cachedImageCount(): Promise<number> {
    return (await readdir(join(this.#dir, 'state/cache/bases'))).length
  }

  async reset(): Promise<void> {
    for (const uuid of (await this.#rig.virsh('list', '--all', '--uuid')).split('\n').filter(Boolean)) {
      await this.#rig.virsh('destroy', uuid).catch(() => undefined)
      await this.#rig.virsh('undefine', '--managed-save', '--nvram', uuid).catch(() => undefined)
    }
    for (const guest of this.#guests) await removeGuest(this, guest)
    this.#guests.clear()
  }

  async stop(): Promise<void> {
    await this.#stopAgent()
    await this.#session.close()
    await this.#rig.stop()
  }

  #getHostSecret(name: string): HostSecret {
    const found = this.#hostSecrets.get(name)
    if (!found) throw new ApiError({ request: `GET hostsecrets/${name}`, status: 404 })
    return found
  }

  async #learnFacts(dataDir: string): Promise<Facts> {
    const options = { domainType: 'auto', dataDir, hostIP: '192.0.2.1', agentVersion: 'contract', log: noLog } as const
    this.#facts ??= await readHostFacts(this.#call, options)
    return this.#facts
  }

  async #stopAgent(): Promise<void> {
    const agent = this.#agent
    this.#agent = undefined
    await agent?.host[Symbol.asyncDispose]()
    await agent?.network[Symbol.asyncDispose]()
    await agent?.storage[Symbol.asyncDispose]()
  }

  async #waitForConnection(): Promise<void> {
    const client = newDomainClient(this.#call)
    await waitUntil(() => client.list(), { what: 'the connection to the new libvirtd' })
  }

  #paths(guest: Guest): ServerPaths {
    return serverPathsOf(join(this.#dir, 'state'), join(this.#dir, 'run'), uidOf(guest))
  }

  #runningQemu(guest: Guest): ProcessId | undefined {
    const qemu = this.#rig.qemuOf(domainNameOf({ name: guest.server.metadata.name, uid: uidOf(guest) }))
    return qemu && isAlive(qemu) ? qemu : undefined
  }

  #systemImageRef(): Instance['image'] {
    const file = join(this.#dir, 'images/system')
    if (!existsSync(file)) copyFileSync(this.#systemImage, file)
    return { name: 'system', namespace: 'demo', uid: 'uid-system', url: `file://${file}`, format: 'qcow2' }
  }

  /**
   * An empty disk, whose guest ignores requests to power off. Exceptions: the guest of the image `sleeps` puts itself
   * to sleep, and the file of the image `gone` does not exist.
   */
  #emptyImageRef(name: string): Instance['image'] {
    const file = join(this.#dir, 'images', name.replaceAll(' ', '-'))
    const content = name === 'sleeps' ? makeSleepingGuestDisk() : Buffer.alloc(1024 ** 2)
    if (name !== 'gone' && !existsSync(file)) writeFileSync(file, content)
    return { name, namespace: 'demo', uid: `uid-${name}`, url: `file://${file}`, format: 'raw' }
  }
}
