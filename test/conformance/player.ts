import type { Server } from '../../crds/index.ts'
import { removeBystanders, seedBystanders } from './bystanders.ts'
import { type ActualResponse, compareResponses } from './compare.ts'
import { deleteServer } from './deleted-servers.ts'
import { applyDescription, applyInitialState, settleServers } from './described-servers.ts'
import type { Exchange, Run } from './exchange.ts'
import { prepareFlavors, removeTrialFlavor } from './flavors.ts'
import { seedListedServers } from './listed-servers.ts'
import { Placeholders } from './placeholders.ts'
import { pastActionsIn, seedPastActions } from './recorded-actions.ts'
import { seedRecordedCloud } from './recorded-cloud.ts'
import { RecordedFacts, serversIn } from './recorded-facts.ts'
import { createServer, seedPort, setState, wantedState } from './servers.ts'
import { createStand, type Stand } from './stand.ts'

export interface Result {
  run: Run
  exchange: Exchange
  differences: string[]
}

class Replay {
  readonly #stand: Stand
  readonly #run: Run
  readonly #names: Placeholders
  readonly #facts: RecordedFacts
  /** By placeholder, such as `server:1`. */
  readonly #servers = new Map<string, Server>()
  #lastSetup = ''
  /** The IDs of the ports of servers, by the placeholder of the server. */
  readonly #ports = new Map<string, string>()
  /** Whether the recording tells of deletions that are under way. */
  readonly #holdsDeletions: boolean
  #aggregates = 0

  constructor(stand: Stand, run: Run) {
    this.#stand = stand
    this.#run = run
    this.#names = new Placeholders(stand.names)
    this.#facts = new RecordedFacts(run)
    this.#holdsDeletions = run.exchanges.some(({ setup }) => setup.includes('delete is under way'))
  }

  async play(): Promise<Result[]> {
    const results: Result[] = []
    const { simulation } = this.#stand
    simulation.isPaused = true
    await seedRecordedCloud(this.#run, this.#stand)
    for (const exchange of this.#run.exchanges) {
      await this.#prepare(exchange)
      this.#bindPort(exchange)
      const bystanders = await seedBystanders(exchange, this.#stand)
      this.#prepareSimulation(exchange)
      simulation.isPaused = false
      const actual = await this.#send(exchange)
      simulation.isPaused = true
      await removeBystanders(bystanders, this.#stand)
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
   * The recording does not tell one aggregate's ID from another's, because the IDs are numbers. So `aggregate:N` is the
   * Nth aggregate that is created.
   */
  #bindAggregate({ request }: Exchange, { status, text }: ActualResponse): void {
    if (request.method !== 'POST' || status !== 200 || !request.path.endsWith('/os-aggregates')) return
    this.#aggregates += 1
    const { aggregate } = JSON.parse(text) as { aggregate: { id: number } }
    this.#names.bind(`aggregate:${this.#aggregates}`, String(aggregate.id))
  }

  async #prepare({ setup, request, ...rest }: Exchange): Promise<void> {
    const { shim } = this.#stand
    await seedListedServers(setup, this.#names, this.#stand)
    await prepareFlavors({ setup, request, ...rest }, this.#names, shim)
    if (setup.includes('has settled')) await settleServers(shim)
    await this.#finishDeletions(setup)
    const fresh = new Set<string>()
    const listed = request.method === 'GET' ? serversIn(rest.response?.body).map(({ id }) => id) : []
    const named = Placeholders.namesIn(
      `${setup} ${request.path} ${JSON.stringify(request.body ?? '')} ${listed.toReversed().join(' ')}`,
    )
    for (const name of new Set(named.filter((n) => n.startsWith('server:'))))
      if (this.#names.get(name) === undefined) {
        const userId = this.#names.get(this.#facts.userOf(name) ?? '')
        const server = await createServer(shim, name.replace(':', '-'), { userId, isHeld: this.#holdsDeletions })
        this.#servers.set(name, server)
        this.#names.bind(name, server.metadata.uid ?? '')
        await setState(shim, server.metadata, { vmState: 'active', host: this.#hostOf(name) })
        fresh.add(name)
      }
    await this.#bringIntoState(setup, Object.keys((request.body as object | null | undefined) ?? {})[0])
    for (const name of fresh) {
      const server = this.#servers.get(name)
      if (server) await this.#describe(name, server, setup)
    }
  }

  /** A path such as `/servers/{server:1}/os-interface/{port:1}` names the port of that server. */
  #bindPort({ request }: Exchange): void {
    const [, server = '', port = ''] = /\{(server:\d+)\}\/os-interface\/\{(port:\d+)\}/.exec(request.path) ?? []
    const id = this.#ports.get(server)
    if (id !== undefined && this.#names.get(port) === undefined) this.#names.bind(port, id)
  }

  async #finishDeletions(setup: string): Promise<void> {
    const [, name = ''] = /\{(server:\d+)\} (?:is )?deleted$/.exec(setup) ?? []
    const { servers: cached } = this.#stand.shim.services.state.unchecked
    const server = cached.cache.list().find(({ metadata }) => metadata.uid === this.#names.get(name))
    if (server?.metadata.deletionTimestamp !== undefined)
      await deleteServer(server, this.#stand, new Date().toISOString())
  }

  #hostOf(server: string): string {
    return this.#names.get(this.#facts.hostOf(server) ?? '') ?? 'host-1'
  }

  async #describe(name: string, server: Server, setup: string): Promise<void> {
    const { shim } = this.#stand
    await applyInitialState(this.#facts.initialStateOf(name), server, shim)
    await applyDescription(setup, server, shim, this.#facts.faultDetailsOf(name))
    const part = setup.split('; ').find((text) => text.startsWith(`{${name}}`)) ?? ''
    if (part.includes('with a port on private')) this.#ports.set(name, await seedPort(server, shim))
    const past = pastActionsIn(setup).get(name)
    if (!past) return
    const host = this.#hostOf(name)
    await seedPastActions(past, { name, server, host, facts: this.#facts, names: this.#names, stand: this.#stand })
    if (setup.includes(`{${name}} deleted`)) await deleteServer(server, this.#stand)
  }

  /** A server that the request creates comes to the recorded host, or gets the recorded fault. */
  #prepareSimulation({ response }: Exchange): void {
    const [created] = serversIn(response?.body)
    const name = typeof created?.['id'] === 'string' ? created['id'].slice(1, -1) : ''
    const { simulation } = this.#stand
    simulation.host = this.#hostOf(name)
    simulation.faultDetails = this.#facts.faultDetailsOf(name)
  }

  async #bringIntoState(setup: string, action: string | undefined): Promise<void> {
    const { shim } = this.#stand
    const isFresh = setup !== this.#lastSetup || /vm_state|in the state that/.test(setup)
    this.#lastSetup = setup
    if (!isFresh) return
    for (const part of setup.split('; ')) {
      // A state behind several servers is that of all of them.
      const wanted = wantedState(part, action) ?? wantedState(setup, action)
      for (const name of Placeholders.namesIn(part)) {
        const server = this.#servers.get(name)
        const recorded = { host: this.#hostOf(name), ...this.#facts.traitsOf(name) }
        if (server && wanted) await setState(shim, server.metadata, { ...recorded, ...wanted })
      }
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
      // In a recorded body, a float is the quoted text `{float}`. Replace the quotes too, because a JSON number has
      // none. The only float is 1.5.
      ...(payload === undefined ? {} : { payload: this.#names.fill(payload.replaceAll('"{float}"', '1.5')) }),
    })
    return { status: answer.statusCode, headers: answer.headers as Record<string, string>, text: answer.body }
  }

  /**
   * Puts the microversion of this run into the headers of the recorded response. This is necessary because exchanges at
   * several microversions share one record (`sameAt`) if their answers differ only in these headers.
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
