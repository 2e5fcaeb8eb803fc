/**
 * Plays a run of recorded exchanges: brings the state that each recording was made in about, sends the request to the
 * shim, and compares the answer with that of the real Nova.
 */
import type { Server } from '../../crds/index.ts'
import { type ActualResponse, compareResponses } from './compare.ts'
import { applyDescription, waitUntilSettled } from './described-servers.ts'
import type { Exchange, Run } from './exchange.ts'
import { prepareFlavors, removeTrialFlavor } from './flavors.ts'
import { seedListedServers } from './listed-servers.ts'
import { Placeholders } from './placeholders.ts'
import { seedProjectUsage } from './project-usage.ts'
import { createServer, setState, wantedState } from './servers.ts'
import { createStand, type Stand } from './stand.ts'

export interface Result {
  run: Run
  exchange: Exchange
  differences: string[]
}

/** Plays one run on a stand of its own. */
class Replay {
  readonly #stand: Stand
  readonly #run: Run
  readonly #names: Placeholders
  /** The servers of the run, by their placeholders, such as `server:1`. */
  readonly #servers = new Map<string, Server>()
  #lastSetup = ''
  #aggregates = 0

  constructor(stand: Stand, run: Run) {
    this.#stand = stand
    this.#run = run
    this.#names = new Placeholders(stand.names)
  }

  async play(): Promise<Result[]> {
    const results: Result[] = []
    await seedProjectUsage(this.#run.group, this.#stand.shim)
    for (const exchange of this.#run.exchanges) {
      await this.#prepare(exchange)
      const actual = await this.#send(exchange)
      await removeTrialFlavor(actual, this.#stand.shim)
      this.#bindAggregate(exchange, actual)
      if (exchange.response !== null) {
        const expected = this.#withVersion(exchange)
        results.push({ run: this.#run, exchange, differences: compareResponses(expected, actual, this.#names) })
      }
    }
    return results
  }

  /**
   * After the creation of an aggregate, sets the value of its placeholder `aggregate:N` to its ID. The IDs of
   * aggregates are numbers, and the recording does not tell one aggregate's number from another's. So the aggregates
   * are counted in the order in which they are created.
   */
  #bindAggregate({ request }: Exchange, { status, text }: ActualResponse): void {
    if (request.method !== 'POST' || status !== 200 || !request.path.endsWith('/os-aggregates')) return
    this.#aggregates += 1
    const { aggregate } = JSON.parse(text) as { aggregate: { id: number } }
    this.#names.bind(`aggregate:${this.#aggregates}`, String(aggregate.id))
  }

  /**
   * Creates the servers that `setup` or the request names, and brings the servers that `setup` names into the state
   * that it describes.
   */
  async #prepare({ setup, request, ...rest }: Exchange): Promise<void> {
    const { shim } = this.#stand
    await seedListedServers(setup, this.#names, this.#stand)
    await prepareFlavors({ setup, request, ...rest }, this.#names, shim)
    if (setup.includes('has settled')) await waitUntilSettled(shim)
    const fresh = new Set<string>()
    const named = Placeholders.namesIn(`${setup} ${request.path} ${JSON.stringify(request.body ?? '')}`)
    for (const name of new Set(named.filter((n) => n.startsWith('server:'))))
      if (this.#names.get(name) === undefined) {
        const server = await createServer(shim, name.replace(':', '-'))
        this.#servers.set(name, server)
        this.#names.bind(name, server.metadata.uid ?? '')
        await setState(shim, server.metadata, { vmState: 'active' })
        fresh.add(name)
      }
    await this.#bringIntoState(setup)
    for (const name of fresh) {
      const server = this.#servers.get(name)
      if (server) await applyDescription(setup, server, shim)
    }
  }

  async #bringIntoState(setup: string): Promise<void> {
    const { shim } = this.#stand
    const wanted = wantedState(setup)
    const isFresh = setup !== this.#lastSetup || /vm_state/.test(setup)
    this.#lastSetup = setup
    if (!wanted || !isFresh) return
    for (const name of Placeholders.namesIn(setup)) {
      const server = this.#servers.get(name)
      if (server) await setState(shim, server.metadata, wanted)
    }
  }

  async #send(exchange: Exchange): Promise<ActualResponse> {
    const { request, as } = exchange
    const { app } = this.#stand.shim
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), this.#names.fill(value)]),
    )
    const { microversion } = this.#run
    if (microversion !== '' && microversion !== exchange.microversion)
      headers['openstack-api-version'] = `compute ${microversion}`
    const payload = request.raw ?? (request.body === undefined ? undefined : JSON.stringify(request.body))
    const answer = await app.inject({
      method: request.method as 'GET',
      url: `/compute${this.#names.fill(request.path)}`,
      headers: { ...headers, ...(as === 'none' || 'x-auth-token' in headers ? {} : { 'x-auth-token': as }) },
      // In a recorded body, the placeholder of a float is a quoted text. Replace it together with its quotes, because a
      // number in JSON has none. The only float in recorded bodies is 1.5.
      ...(payload === undefined ? {} : { payload: this.#names.fill(payload.replaceAll('"{float}"', '1.5')) }),
    })
    return { status: answer.statusCode, headers: answer.headers as Record<string, string>, text: answer.body }
  }

  /**
   * The recorded answer with the microversion of this run in its headers. Exchanges at several microversions share one
   * record (`sameAt`) if their answers differ only in these headers.
   */
  #withVersion({ response, microversion }: Exchange): NonNullable<Exchange['response']> {
    const { headers = {}, ...rest } = response ?? { status: 0 }
    if (microversion === '' || microversion === this.#run.microversion) return { ...rest, headers }
    const version = this.#run.microversion
    return {
      ...rest,
      headers: {
        ...headers,
        ...(headers['openstack-api-version'] === undefined ? {} : { 'openstack-api-version': `compute ${version}` }),
        ...(headers['x-openstack-nova-api-version'] === undefined ? {} : { 'x-openstack-nova-api-version': version }),
      },
    }
  }
}

/** Plays the run on a new cloud. */
export async function playRun(run: Run): Promise<Result[]> {
  const stand = await createStand()
  try {
    return await new Replay(stand, run).play()
  } finally {
    await stand.shim[Symbol.asyncDispose]()
  }
}
