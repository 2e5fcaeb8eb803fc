import { describe, expect, it, vi } from 'vitest'
import { ownerElement } from '../domain/metadata.ts'
import { renderXml } from '../domain/render-xml.ts'
import { type CallFunction, LibvirtError, proc } from '../libvirt/index.ts'
import { newDomainClient, type OwnedDomains } from './domain-client.ts'

const uuid = '00000000-0000-4000-8000-000000000001'
const dom = { name: 'web', uuid, id: -1 }
const marked = renderXml(ownerElement({ namespace: 'demo', name: 'web', uid: 'u1' }))

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
function domainsWhere({ found, active, saved }: State): OwnedDomains {
  const answers = new Map<unknown, unknown>([
    [proc.domainLookupByUuid, found ? { dom } : noDomain],
    [proc.domainGetMetadata, { metadata: marked }],
    [proc.domainIsActive, { active }],
    [proc.domainHasManagedSaveImage, { result: saved }],
    [proc.domainSuspend, notRunning],
    [proc.domainResume, notRunning],
    [proc.domainManagedSave, notRunning],
    [proc.domainManagedSaveGetXmlDesc, saved ? { xml: '<domain/>' } : notRunning],
  ])
  return newDomainClient((async (procedure: unknown) => {
    const answer = answers.get(procedure)
    if (answer instanceof Error) throw answer
    return answer
  }) as unknown as CallFunction).of('u1')
}

const off: State = { found: true, active: false, saved: false }
const signal = new AbortController().signal

describe('what cannot be done to a domain that has gone off is not taken as done', () => {
  it.each<[string, State, (domains: OwnedDomains) => Promise<void>, string | undefined]>([
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

/** libvirt whose answers are asked for again and again; `asked` counts them. */
function libvirtWith(answers: [procedure: unknown, answer: () => unknown][]) {
  const asked = new Map<unknown, number>()
  const all = new Map<unknown, () => unknown>([
    [proc.domainLookupByUuid, () => ({ dom })],
    [proc.domainHasManagedSaveImage, () => ({ result: false })],
    [proc.domainGetMetadata, () => ({ metadata: marked })],
    ...answers,
  ])
  const call = async (procedure: unknown) => {
    asked.set(procedure, (asked.get(procedure) ?? 0) + 1)
    return all.get(procedure)?.()
  }
  const every = newDomainClient(call as unknown as CallFunction)
  return { every, domains: every.of('u1'), times: (p: unknown) => asked.get(p) ?? 0 }
}

/** Of virDomainState, with its reason: starting up; ended by the daemon; booted. */
const [startingUp, killed, booted] = [
  { state: 3, reason: 11 },
  { state: 5, reason: 8 },
  { state: 1, reason: 1 },
]

describe('a domain that is starting up', () => {
  const inTurn = (...states: object[]): [unknown, () => unknown] => [
    proc.domainGetState,
    () => (states.length > 1 ? states.shift() : states[0]),
  ]

  it('is seen as what becomes of it', async () => {
    const starts = libvirtWith([inTurn(startingUp, startingUp, booted)])
    expect(await starts.domains.observe(uuid)).toMatchObject({ power: 'running' })
    const ends = libvirtWith([inTurn(startingUp, killed)])
    expect(await ends.domains.observe(uuid)).toEqual({ power: 'off', reason: 'daemon' })
  })

  it('for long is no state at all', async () => {
    let ms = 0
    const now = vi.spyOn(performance, 'now').mockImplementation(() => (ms += 4000))
    const busy = libvirtWith([inTurn(startingUp)]).domains.observe(uuid)
    await expect(busy).rejects.toMatchObject({ kind: 'Transient', code: 'LibvirtBusy' })
    now.mockRestore()
  })

  it.each([
    ['that libvirt ends, for it was killed amid that, is started again', killed, 1],
    ['and then has started is left so', booted, 0],
  ])('%s', async (_, end, starts) => {
    const { domains, times } = libvirtWith([inTurn(startingUp, end)])
    await domains.start(uuid, signal)
    expect(times(proc.domainCreateWithFlags)).toBe(starts)
  })
})

describe('memory that was saved', () => {
  const whole: [unknown, () => unknown] = [proc.domainManagedSaveGetXmlDesc, () => ({ xml: '<domain/>' })]
  const half: [unknown, () => unknown] = [
    proc.domainManagedSaveGetXmlDesc,
    () => {
      throw refusal(9, 'operation failed: save image is incomplete')
    },
  ]
  const there: [unknown, () => unknown] = [proc.domainHasManagedSaveImage, () => ({ result: true })]

  it.each([
    ['whole, of a domain that is off', killed, whole, 'saved', 0],
    ['by half, for the host lost its power meanwhile, is none', killed, half, 'off', 0],
    ['before the domain that runs was booted is dropped: it is older than the disk', booted, whole, 'running', 1],
  ] as const)('%s', async (_, state, file, power, dropped) => {
    const { domains, times } = libvirtWith([there, file, [proc.domainGetState, () => state]])
    expect(await domains.observe(uuid)).toMatchObject({ power })
    expect(times(proc.domainManagedSaveRemove)).toBe(dropped)
  })
})

it('a domain with which libvirt still does something else is waited for', async () => {
  const timeout = refusal(68, 'Timed out during operation: cannot acquire state change lock')
  const { domains } = libvirtWith([[proc.domainSuspend, () => Promise.reject(timeout)]])
  await expect(domains.pause(uuid)).rejects.toMatchObject({ kind: 'Transient', code: 'LibvirtBusy' })
})

const noMark = refusal(80, 'metadata not found: Requested metadata element is not present')

describe('whose a domain is', () => {
  it.each([
    ['ours', () => ({ metadata: marked }), { namespace: 'demo', name: 'web', uid: 'u1' }],
    ['nobody’s of us', () => Promise.reject(noMark), undefined],
    ['gone', () => Promise.reject(noDomain), undefined],
  ])('%s', async (_, answer, mark) => {
    expect(await libvirtWith([[proc.domainGetMetadata, answer]]).every.ownerOf(dom)).toEqual(mark)
  })

  it.each([
    ['cannot be read', () => ({ metadata: '<domain' }), 'Terminal'],
    ['cannot be asked', () => Promise.reject(refusal(38, 'end of file while reading data')), 'Transient'],
  ])('%s', async (_, answer, kind) => {
    await expect(libvirtWith([[proc.domainGetMetadata, answer]]).every.ownerOf(dom)).rejects.toMatchObject({ kind })
  })
})

describe('a domain of the server’s uuid that somebody else made', () => {
  const others = renderXml(ownerElement({ namespace: 'other', name: 'web', uid: 'u2' }))

  it.each([
    ['without a mark', 'Terminal', () => Promise.reject(noMark)],
    ['with the mark of another', 'Transient', () => ({ metadata: others })],
  ])('%s: is none to look at and to take away, and is not touched', async (_, kind, answer) => {
    const { domains, times } = libvirtWith([[proc.domainGetMetadata, answer]])
    expect(await domains.observe(uuid)).toEqual({ power: 'missing' })
    await domains.destroy(uuid)
    await domains.undefine(uuid)
    const refused = { kind, code: 'UUIDInUse', message: expect.stringContaining('a domain web of uuid') }
    for (const touch of [
      domains.define(uuid, '<domain/>'),
      domains.start(uuid, signal),
      domains.pause(uuid),
      domains.unpause(uuid),
      domains.save(uuid, signal),
      domains.shutDown(uuid),
    ])
      await expect(touch).rejects.toMatchObject(refused)
    for (const deed of [
      proc.domainDestroyFlags,
      proc.domainUndefineFlags,
      proc.domainDefineXmlFlags,
      proc.domainCreateWithFlags,
      proc.domainSuspend,
      proc.domainResume,
      proc.domainManagedSave,
      proc.domainManagedSaveRemove,
      proc.domainShutdownFlags,
    ])
      expect(times(deed)).toBe(0)
  })
})
