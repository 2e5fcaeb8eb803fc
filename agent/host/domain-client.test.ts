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

/** libvirt that answers as for a domain that does not run, or for none. */
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

describe('a call on a domain that does not run', () => {
  it.each<[string, State, (domains: OwnedDomains) => Promise<void>, string | undefined]>([
    ['pause throws when the domain is off', off, (d) => d.pause(uuid), 'domain is not running'],
    ['pause succeeds when the domain is paused already', { ...off, active: true }, (d) => d.pause(uuid), undefined],
    ['pause throws when there is no domain', { ...off, found: false }, (d) => d.pause(uuid), 'knows no such domain'],
    ['save throws when the domain is off', off, (d) => d.save(uuid, signal), 'domain is not running'],
    ['save succeeds when the memory is saved already', { ...off, saved: true }, (d) => d.save(uuid, signal), undefined],
    [
      'save throws when there is no domain',
      { ...off, found: false },
      (d) => d.save(uuid, signal),
      'knows no such domain',
    ],
    [
      'start throws when there is no domain',
      { ...off, found: false },
      (d) => d.start(uuid, signal),
      'knows no such domain',
    ],
    ['unpause succeeds when the domain is off', off, (d) => d.unpause(uuid), undefined],
    ['unpause succeeds when there is no domain', { ...off, found: false }, (d) => d.unpause(uuid), undefined],
  ])('%s', async (_, state, act, message) => {
    const done = act(domainsWhere(state))
    if (message === undefined) await done
    else await expect(done).rejects.toMatchObject({ kind: 'Transient', message: expect.stringContaining(message) })
  })
})

/** libvirt with these answers; counts the calls of each procedure. */
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

/** Numbers of virDomainState and its reason: starting up; ended by the daemon; booted. */
const [startingUp, killed, booted] = [
  { state: 3, reason: 11 },
  { state: 5, reason: 8 },
  { state: 1, reason: 1 },
]

describe('observe and start of a domain that is starting up', () => {
  const inTurn = (...states: object[]): [unknown, () => unknown] => [
    proc.domainGetState,
    () => (states.length > 1 ? states.shift() : states[0]),
  ]

  it('observe waits until the domain has started or failed', async () => {
    const starts = libvirtWith([inTurn(startingUp, startingUp, booted)])
    expect(await starts.domains.observe(uuid)).toMatchObject({ power: 'running' })
    const ends = libvirtWith([inTurn(startingUp, killed)])
    expect(await ends.domains.observe(uuid)).toEqual({ power: 'off', reason: 'daemon' })
  })

  it('observe throws LibvirtBusy when the domain is starting up for long', async () => {
    let ms = 0
    const now = vi.spyOn(performance, 'now').mockImplementation(() => (ms += 4000))
    const busy = libvirtWith([inTurn(startingUp)]).domains.observe(uuid)
    await expect(busy).rejects.toMatchObject({ kind: 'Transient', code: 'LibvirtBusy' })
    now.mockRestore()
  })

  it.each([
    ['start starts the domain again when libvirtd was killed during a start and ends it', killed, 1],
    ['start does nothing when the domain has started meanwhile', booted, 0],
  ])('%s', async (_, end, starts) => {
    const { domains, times } = libvirtWith([inTurn(startingUp, end)])
    await domains.start(uuid, signal)
    expect(times(proc.domainCreateWithFlags)).toBe(starts)
  })
})

describe('observe of a domain with a managed save', () => {
  const whole: [unknown, () => unknown] = [proc.domainManagedSaveGetXmlDesc, () => ({ xml: '<domain/>' })]
  const half: [unknown, () => unknown] = [
    proc.domainManagedSaveGetXmlDesc,
    () => {
      throw refusal(9, 'operation failed: save image is incomplete')
    },
  ]
  const there: [unknown, () => unknown] = [proc.domainHasManagedSaveImage, () => ({ result: true })]

  it.each([
    ['answers saved when the domain is off and the save complete', killed, whole, 'saved', 0],
    ['answers off when the host lost its power during the save and half a file is left', killed, half, 'off', 0],
    ['removes the save of a domain that runs: it is older than the disk', booted, whole, 'running', 1],
  ] as const)('%s', async (_, state, file, power, dropped) => {
    const { domains, times } = libvirtWith([there, file, [proc.domainGetState, () => state]])
    expect(await domains.observe(uuid)).toMatchObject({ power })
    expect(times(proc.domainManagedSaveRemove)).toBe(dropped)
  })
})

it('a call throws LibvirtBusy when libvirtd still does something else with the domain', async () => {
  const timeout = refusal(68, 'Timed out during operation: cannot acquire state change lock')
  const { domains } = libvirtWith([[proc.domainSuspend, () => Promise.reject(timeout)]])
  await expect(domains.pause(uuid)).rejects.toMatchObject({ kind: 'Transient', code: 'LibvirtBusy' })
})

const noMark = refusal(80, 'metadata not found: Requested metadata element is not present')

describe('ownerOf', () => {
  it.each([
    [
      'answers the Server that the metadata names',
      () => ({ metadata: marked }),
      { namespace: 'demo', name: 'web', uid: 'u1' },
    ],
    ['answers none when the metadata has no element of ours', () => Promise.reject(noMark), undefined],
    ['answers none when the domain is gone', () => Promise.reject(noDomain), undefined],
  ])('%s', async (_, answer, mark) => {
    expect(await libvirtWith([[proc.domainGetMetadata, answer]]).every.ownerOf(dom)).toEqual(mark)
  })

  it.each([
    ['throws Terminal when the metadata is damaged', () => ({ metadata: '<domain' }), 'Terminal'],
    [
      'throws Transient when the connection breaks',
      () => Promise.reject(refusal(38, 'end of file while reading data')),
      'Transient',
    ],
  ])('%s', async (_, answer, kind) => {
    await expect(libvirtWith([[proc.domainGetMetadata, answer]]).every.ownerOf(dom)).rejects.toMatchObject({ kind })
  })
})

describe('a domain with the Server’s UUID that it does not own', () => {
  const others = renderXml(ownerElement({ namespace: 'other', name: 'web', uid: 'u2' }))

  it.each([
    ['when no Server owns it', 'Terminal', () => Promise.reject(noMark)],
    ['when another Server owns it', 'Transient', () => ({ metadata: others })],
  ])('is absent for reads and removals, refused for other calls, and never touched, %s', async (_, kind, answer) => {
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
    for (const procedure of [
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
      expect(times(procedure)).toBe(0)
  })
})
