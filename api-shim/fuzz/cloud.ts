import { Writable } from 'node:stream'
import { secrets } from '../../kube/builtin-kinds.ts'
import { createLog } from '../../kube/log.ts'
import { createServer, setState } from '../../test/conformance/servers.ts'
import { createStand, type Stand } from '../../test/conformance/stand.ts'
import { EmbeddedIdentity } from '../identity/embedded/backend.ts'
import type { TestShim } from '../testing.ts'
import type { RawAnswer } from './answers.ts'
import type { FuzzRequest } from './requests.ts'

export class FuzzCloud implements AsyncDisposable {
  readonly shim: TestShim
  /** IDs and names of existing objects. */
  readonly known: string[]
  /** All lines of the log. */
  readonly logged: string[] = []
  readonly #stop = new AbortController()

  private constructor({ shim, names }: Stand) {
    this.shim = shim
    this.known = [...names]
      .filter(([name]) => /^(flavor|image|network|host|hypervisor|user|project):/.test(name))
      .map(([, id]) => id)
  }

  static async start(): Promise<FuzzCloud> {
    const cloud = new FuzzCloud(await createStand())
    await cloud.#seedObjects()
    await cloud.#useRealTokens()
    return cloud
  }

  async #seedObjects(): Promise<void> {
    const { shim, known } = this
    for (const name of ['idle', `${'a'.repeat(60)}!`]) {
      const server = await createServer(shim, name)
      await setState(shim, server.metadata, { vmState: 'active' })
      known.push(server.metadata.uid ?? '', name)
    }
    const ask = (path: string, body: object) =>
      shim.ask('POST', `/compute/v2.1${path}`, { as: 'admin-own', version: '2.104', body })
    await ask('/os-aggregates', { aggregate: { name: 'rack' } })
    await ask('/os-server-groups', { server_group: { name: 'group', policy: 'affinity' } })
    await ask('/os-keypairs', { keypair: { name: 'key', type: 'ssh', public_key: PUBLIC_KEY } })
    known.push('1', 'rack', 'key', 'instances', 'default', 'hw:cpu_policy')
    await this.#seedSecrets()
  }

  async #seedSecrets(): Promise<void> {
    const credential = { name: 'ci', user: { id: 'nobody', name: 'nobody' }, project: { id: 'x' }, roles: ['reader'] }
    for (const [name, value] of [
      ['kubenova-users', PASSWORD_HASH],
      ['kubenova-application-credentials', JSON.stringify({ ...credential, hash: PASSWORD_HASH })],
    ] as const)
      await this.shim.seed(secrets, {
        metadata: { name, namespace: 'kubenova-system' },
        data: { nobody: Buffer.from(value).toString('base64') },
      })
  }

  /** Checks tokens as in production, except those that are names of test users. Records the log. */
  async #useRealTokens(): Promise<void> {
    const { shim } = this
    const { state } = shim.services
    const log = createLog({ level: 'debug', destination: this.#logStream() })
    const identity = new EmbeddedIdentity({
      kube: state.kube,
      state,
      namespace: 'kubenova-system',
      tokenSeconds: 60,
      log,
    })
    await identity.start(this.#stop.signal)
    const authenticate = async (token: string) => shim.callerOf(token) ?? (await identity.authenticate(token))
    Object.assign(shim.services, { log, identity, authenticator: { authenticate } })
  }

  #logStream(): Writable {
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.logged.push(chunk.toString())
        done()
      },
    })
  }

  async send({ method, url, headers, payload }: FuzzRequest): Promise<RawAnswer> {
    const {
      statusCode,
      headers: answered,
      body,
    } = await this.shim.app.inject({
      method: method as 'GET',
      url,
      headers,
      ...(payload === undefined ? {} : { payload }),
    })
    return { status: statusCode, headers: answered, text: body }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the test is over'))
    await this.shim[Symbol.asyncDispose]()
  }
}

/** A test vector of argon2's reference implementation. */
const PASSWORD_HASH = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
const PUBLIC_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqD6dpMKYUcEkO5bM1vkHjmIzkXrN3tQYqZ2Jb3LhQd test'
