import { describe, expect, it } from 'vitest'
import { type CallFunction, LibvirtError, proc } from '../libvirt/index.ts'
import { createDomains, type Domains } from './domains.ts'

const uuid = '00000000-0000-4000-8000-000000000001'
const dom = { name: 'web', uuid, id: -1 }

const refusal = (code: number, message: string): LibvirtError => {
  const nothing = { dom: null, str1: null, str2: null, str3: null, int1: 0, int2: 0, net: null }
  return new LibvirtError({ code, domain: 10, message, level: 2, ...nothing }, 'test')
}
/** VIR_ERR_OPERATION_INVALID, VIR_ERR_NO_DOMAIN */
const notRunning = refusal(55, 'Requested operation is not valid: domain is not running')
const noDomain = refusal(42, 'Domain not found')

interface State {
  found: boolean
  active: boolean
  saved: boolean
}

/** libvirt as it answers of a domain that is not running, or of none. */
function domainsWhere({ found, active, saved }: State): Domains {
  const answers = new Map<unknown, unknown>([
    [proc.domainLookupByUuid, found ? { dom } : noDomain],
    [proc.domainIsActive, { active }],
    [proc.domainHasManagedSaveImage, { result: saved }],
    [proc.domainSuspend, notRunning],
    [proc.domainResume, notRunning],
    [proc.domainManagedSave, notRunning],
  ])
  return createDomains((async (procedure: unknown) => {
    const answer = answers.get(procedure)
    if (answer instanceof Error) throw answer
    return answer
  }) as unknown as CallFunction)
}

const off: State = { found: true, active: false, saved: false }
const signal = new AbortController().signal

describe('what cannot be done to a domain that has gone off is not taken as done', () => {
  it.each<[string, State, (domains: Domains) => Promise<void>, string | undefined]>([
    ['pause, off', off, (d) => d.pause(uuid), 'domain is not running'],
    ['pause, done before', { ...off, active: true }, (d) => d.pause(uuid), undefined],
    ['pause, undefined', { ...off, found: false }, (d) => d.pause(uuid), 'knows no such domain'],
    ['save, off', off, (d) => d.save(uuid, signal), 'domain is not running'],
    ['save, done before', { ...off, saved: true }, (d) => d.save(uuid, signal), undefined],
    ['save, undefined', { ...off, found: false }, (d) => d.save(uuid, signal), 'knows no such domain'],
    ['start, undefined', { ...off, found: false }, (d) => d.start(uuid, signal), 'knows no such domain'],
    // To stop a domain that is off, or none, is to have stopped it.
    ['unpause, off', off, (d) => d.unpause(uuid), undefined],
    ['unpause, undefined', { ...off, found: false }, (d) => d.unpause(uuid), undefined],
  ])('%s', async (_, state, act, message) => {
    const done = act(domainsWhere(state))
    if (message === undefined) await done
    else await expect(done).rejects.toMatchObject({ kind: 'Transient', message: expect.stringContaining(message) })
  })
})

describe('a domain that is starting up', () => {
  /** VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP, and so on. */
  const startingUp = { state: 3, reason: 11 }
  const killed = { state: 5, reason: 8 }
  const booted = { state: 1, reason: 1 }

  /** libvirt that is asked for the domain's state again and again. */
  function libvirtWith(states: { state: number; reason: number }[]): { domains: Domains; created: () => number } {
    let created = 0
    const answers = new Map<unknown, () => unknown>([
      [proc.domainLookupByUuid, () => ({ dom })],
      [proc.domainGetState, () => (states.length > 1 ? states.shift() : states[0])],
      [proc.domainHasManagedSaveImage, () => ({ result: false })],
      [proc.domainGetMetadata, () => ({ metadata: '<server/>' })],
      [proc.domainCreateWithFlags, () => ({ created: ++created })],
    ])
    const call = async (procedure: unknown) => answers.get(procedure)?.()
    return { domains: createDomains(call as unknown as CallFunction), created: () => created }
  }

  it('is seen as what becomes of it', async () => {
    expect(await libvirtWith([startingUp, startingUp, booted]).domains.observe(uuid)).toMatchObject({
      power: 'running',
    })
    expect(await libvirtWith([startingUp, killed]).domains.observe(uuid)).toEqual({ power: 'off', reason: 'daemon' })
  })

  it.each([
    ['that libvirt ends, for it was killed amid that, is started again', killed, 1],
    ['and then has started is left so', booted, 0],
  ])('%s', async (_, end, starts) => {
    const { domains, created } = libvirtWith([startingUp, end])
    await domains.start(uuid, signal)
    expect(created()).toBe(starts)
  })
})
