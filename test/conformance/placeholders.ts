/**
 * Placeholders in recorded exchanges, such as `{server:1}` or `{uuid}`, stand for values that differ from run to run.
 * This module knows their values in the present run.
 */

/**
 * Regular expressions for placeholders that stand for any value of a form, such as `{uuid}`, rather than for one
 * object.
 */
const forms: Readonly<Record<string, string>> = {
  uuid: '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}',
  hex32: '[0-9a-f]{32}',
  hostId: '[0-9a-f]{56}',
  'req-id': 'req-[0-9a-f-]{36}',
  int: '\\d+',
  float: '\\d+(?:\\.\\d+)?(?:e-?\\d+)?',
  time: '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ',
  'time:us': '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}',
  'time:usZ': '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z',
  'time:s-space': '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d',
  'time:s': '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d',
  ip4: '\\d+\\.\\d+\\.\\d+\\.\\d+',
  ip6: '[0-9a-f:]+',
  mac: '(?:[0-9a-f]{2}:){5}[0-9a-f]{2}',
  'instance-name': '.+',
  reservation: 'r-[0-9a-z]{8}',
  adminPass: '\\w+',
  fingerprint: '.+',
  'private-key': '[^]+',
}

const PLACEHOLDER = /\{([a-zA-Z][\w-]*(?::[\w-]+)*)\}/g

const samples: Readonly<Record<string, string>> = {
  uuid: '5f0a1c9e-3b52-4c6e-9d1f-7a2b8c3d4e5f',
  hex32: '5f0a1c9e3b524c6e9d1f7a2b8c3d4e5f',
  int: '424242',
  float: '0.5',
  'req-id': 'req-5f0a1c9e-3b52-4c6e-9d1f-7a2b8c3d4e5f',
  time: '2026-01-02T03:04:05Z',
  'time:us': '2026-01-02T03:04:05.000000',
  'time:usZ': '2026-01-02T03:04:05.000000Z',
  'time:s-space': '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d',
  'time:s': '2026-01-02T03:04:05',
  ip4: '10.10.0.5',
  ip6: 'fd00:10::5',
  mac: 'fa:16:3e:00:00:99',
  reservation: 'r-12345678',
}

const escapeRegex = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)

export class Placeholders {
  readonly #values: Map<string, string>

  /** @param fixed the values of placeholders that are the same in all runs */
  constructor(fixed: ReadonlyMap<string, string>) {
    this.#values = new Map(fixed)
  }

  get(name: string): string | undefined {
    return this.#values.get(name)
  }

  bind(name: string, value: string): void {
    this.#values.set(name, value)
  }

  /**
   * Replaces placeholders by their values. `{uuid}` and the like get sample values, and `{volume:1}` an invented UUID.
   * Any other placeholder without a value stays.
   */
  fill(text: string): string {
    return text.replace(
      PLACEHOLDER,
      (whole, name: string) => this.#values.get(name) ?? samples[name] ?? this.#inventUuid(name) ?? whole,
    )
  }

  /**
   * Invents a UUID for a volume or port of the recording, because the replay has no such object. With a UUID, the
   * request is as well-formed as the recorded one. Returns undefined for other placeholders.
   */
  #inventUuid(name: string): string | undefined {
    const [, number = ''] = /^(?:volume|port):(\d+)$/.exec(name) ?? []
    if (number === '') return undefined
    const uuid = `5f0a1c9e-3b52-4c6e-9d1f-${(name.startsWith('volume') ? 'f' : 'e') + number.padStart(11, '0')}`
    this.bind(name, uuid)
    return uuid
  }

  static namesIn(text: string): string[] {
    return [...text.matchAll(PLACEHOLDER)].map(([, name = '']) => name)
  }

  /** A placeholder such as `{server:1}` that has no value yet takes its value from the actual text. */
  matches(recorded: string, actual: string): boolean {
    if (this.fill(recorded) === actual) return true
    if (!recorded.includes('{')) return false
    const names: string[] = []
    const pattern = recorded
      .split(/(\{[a-zA-Z][\w-]*(?::[\w-]+)*\})/)
      .map((part, i) => (i % 2 === 0 ? escapeRegex(part) : this.#patternOf(part.slice(1, -1), names)))
      .join('')
    const found = new RegExp(`^${pattern}$`, 'u').exec(actual)
    for (const [i, name] of names.entries()) if (found?.[i + 1] !== undefined) this.bind(name, found[i + 1] ?? '')
    return found !== null
  }

  #patternOf(name: string, names: string[]): string {
    const value = this.#values.get(name)
    if (value !== undefined) return escapeRegex(value)
    const form = forms[name]
    if (form !== undefined) return form
    // A name without a colon stands for something outside of the cloud, so it matches any text. A name that occurs a
    // second time in this text matches any text, too.
    if (names.includes(name) || !name.includes(':')) return '.*?'
    names.push(name)
    return '(.+?)'
  }
}
