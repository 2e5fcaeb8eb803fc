/** Facts about the recorded cloud that only the recorded answers tell, such as the host of a server. */
import type { Run } from './exchange.ts'

type Json = Readonly<Record<string, unknown>>

const asObject = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {})
const asArray = (value: unknown): Json[] => (Array.isArray(value) ? value.map(asObject) : [])

/** The servers that an answer shows, in its order. */
export function serversIn(body: unknown): Json[] {
  const { server, servers } = asObject(body)
  return server === undefined ? asArray(servers) : [asObject(server)]
}

export interface RecordedAction {
  /** Nova's name of the user, as a placeholder. */
  user?: unknown
  project?: unknown
  traceback?: unknown
  /** The host that performed it. */
  host?: unknown
}

export class RecordedFacts {
  readonly #run: Run

  constructor(run: Run) {
    this.#run = run
  }

  #bodies(): unknown[] {
    return this.#run.exchanges.map(({ response }) => response?.body)
  }

  /** The first value that an answer shows for this member of the server. */
  #firstOf(server: string, member: string): unknown {
    const shown = this.#bodies()
      .flatMap(serversIn)
      .find((body) => body['id'] === `{${server}}` && typeof body[member] !== 'undefined' && body[member] !== null)
    return shown?.[member]
  }

  /** @param server a placeholder's name, such as `server:1` */
  hostOf(server: string): string | undefined {
    const host =
      this.#firstOf(server, 'OS-EXT-SRV-ATTR:host') ?? this.#hostInSetups(server) ?? this.#hostInFaults(server)
    return typeof host === 'string' ? host.slice(1, -1) : undefined
  }

  /** A text such as `{server:1} {server:2} ACTIVE on {host:2}`. */
  #hostInSetups(server: string): string | undefined {
    const parts = this.#run.exchanges.flatMap(({ setup }) => setup.split('; '))
    const described = parts.filter((part) => part.includes(`{${server}}`))
    return described.map((part) => /\bon (\{host:\d\})/.exec(part)?.[1]).find(Boolean)
  }

  /** An evacuation fails if the host of the server still runs. The fault names that host. */
  #hostInFaults(server: string): string | undefined {
    const texts = this.#run.exchanges
      .filter(({ request }) => request.path.includes(`{${server}}`))
      .map(({ response }) => JSON.stringify(response?.body ?? ''))
    return texts.map((text) => /Compute service of (\{host:\d\}) is still in use/.exec(text)?.[1]).find(Boolean)
  }

  /** The user who created the server, as the name of a placeholder. */
  userOf(server: string): string | undefined {
    const user = this.#firstOf(server, 'user_id')
    return typeof user === 'string' ? user.slice(1, -1) : undefined
  }

  /**
   * Whether the recorded server kept its host when it was offloaded, and had a fault when it was in error. The recorder
   * wrote some states into Nova's database. A member is undefined if no answer shows the server.
   */
  traitsOf(server: string): { keepsHost?: boolean; hasFault?: boolean } {
    const shown = this.#bodies()
      .flatMap(serversIn)
      .filter((body) => body['id'] === `{${server}}` && typeof body['status'] === 'string')
    if (shown.length === 0) return {}
    const hasHost = ({ hostId }: Json): boolean => typeof hostId === 'string' && hostId !== ''
    return { keepsHost: shown.some(hasHost), hasFault: shown.some(({ fault }) => fault !== undefined) }
  }

  faultDetailsOf(server: string): string | undefined {
    const shown = this.#bodies()
      .flatMap(serversIn)
      .filter(({ id }) => id === `{${server}}`)
      .map(({ fault }) => asObject(fault)['details'])
    return shown.find((details) => typeof details === 'string')
  }

  /**
   * The members of the server that an answer shows before the first request that changes the server; empty if there is
   * none.
   */
  initialStateOf(server: string): Json {
    const own = this.#run.exchanges.filter(({ request }) => request.path.includes(`{${server}}`))
    const change = own.findIndex(({ request }) => request.method !== 'GET')
    const before = change === -1 ? own : own.slice(0, change)
    const [shown = {}] = before.flatMap(({ response }) => serversIn(response?.body))
    const bodyOf = (end: string): Json =>
      asObject(before.find(({ request }) => request.path.endsWith(end))?.response?.body)
    const { tags } = bodyOf('/tags')
    const { addresses } = bodyOf('/ips')
    return { ...(addresses === undefined ? {} : { addresses }), ...shown, ...(tags === undefined ? {} : { tags }) }
  }

  /** The requester of an action, the host that performed it, and the traceback if it failed. */
  actionOf(server: string, action: string, hasFailed: boolean): RecordedAction {
    const listed = this.#bodies()
      .flatMap((body) => [...asArray(asObject(body)['instanceActions']), asObject(asObject(body)['instanceAction'])])
      .filter(
        (shown) =>
          shown['instance_uuid'] === `{${server}}` &&
          shown['action'] === action &&
          (shown['message'] === 'Error') === hasFailed,
      )
    const events = listed.flatMap((shown) => asArray(shown['events']))
    const firstText = (member: string): unknown =>
      events.map((event) => event[member]).find((value) => typeof value === 'string')
    return {
      user: listed[0]?.['user_id'],
      project: listed[0]?.['project_id'],
      traceback: firstText('traceback'),
      host: firstText('host'),
    }
  }
}
