import { describe, expect, it, vi } from 'vitest'
import { ownerElement } from '../domain/metadata.ts'
import { renderXml } from '../domain/render-xml.ts'
import { type CallFunction, proc } from '../libvirt/index.ts'
import { makeLibvirtError } from '../libvirt/testing/errors.ts'
import { newDomainClient, type OwnedDomains } from './domain-client.ts'

const uuid = '00000000-0000-4000-8000-000000000001'
const dom = { name: 'web', uuid, id: -1 }
const ownerMetadata = renderXml(ownerElement({ namespace: 'demo', name: 'web', uid: 'u1' }))

/** libvirt's errors VIR_ERR_OPERATION_INVALID (55) and VIR_ERR_NO_DOMAIN (42). */
const notRunning = makeLibvirtError(55, 'Requested operation is not valid: domain is not running')
const noDomain = makeLibvirtError(42, 'Domain not found')

interface FakeDomain {
  found: boolean
  active: boolean
  saved: boolean
}

function clientOf({ found, active, saved }: FakeDomain): OwnedDomains {
  const answers = new Map<unknown, unknown>([
    [proc.domainLookupByUuid, found ? { dom } : noDomain],
    [proc.domainGetMetadata, { metadata: ownerMetadata }],
    [proc.domainIsActive, { active }],
    [proc.domainGetState, { state: active ? 1 : 5, reason: 1 }],
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

const off: FakeDomain = { found: true, active: false, saved: false }
const signal = new AbortController().signal

describe('a call on a domain that does not run', () => {
  it.each<[string, FakeDomain, (domains: OwnedDomains) => Promise<void>, string | undefined]>([
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
  ])('%s', async (_, domain, act, message) => {
    const done = act(clientOf(domain))
    if (message === undefined) await done
    else await expect(done).rejects.toMatchObject({ kind: 'Transient', message: expect.stringContaining(message) })
  })
})

function clientWith(answers: [procedure: unknown, answer: () => unknown][]) {
  const counts = new Map<unknown, number>()
  const allAnswers = new Map<unknown, () => unknown>([
    [proc.domainLookupByUuid, () => ({ dom })],
    [proc.domainHasManagedSaveImage, () => ({ result: false })],
    [proc.domainGetMetadata, () => ({ metadata: ownerMetadata })],
    ...answers,
  ])
  const call = async (procedure: unknown) => {
    counts.set(procedure, (counts.get(procedure) ?? 0) + 1)
    return allAnswers.get(procedure)?.()
  }
  const client = newDomainClient(call as unknown as CallFunction)
  return { client, domains: client.of('u1'), callCount: (procedure: unknown) => counts.get(procedure) ?? 0 }
}

/** libvirt's numbers: paused because it is starting up, shut off by the daemon, running since its boot. */
const [startingUp, killed, booted] = [
  { state: 3, reason: 11 },
  { state: 5, reason: 8 },
  { state: 1, reason: 1 },
]

describe('observe and start of a domain that is starting up', () => {
  const statesInTurn = (...states: object[]): [unknown, () => unknown] => [
    proc.domainGetState,
    () => (states.length > 1 ? states.shift() : states[0]),
  ]

  it('observe waits until the domain has started or failed', async () => {
    const starts = clientWith([statesInTurn(startingUp, startingUp, booted)])
    expect(await starts.domains.observe(uuid)).toMatchObject({ power: 'running' })
    const ends = clientWith([statesInTurn(startingUp, killed)])
    expect(await ends.domains.observe(uuid)).toEqual({ power: 'off', reason: 'daemon' })
  })

  it('observe throws LibvirtBusy when the domain is starting up for long', async () => {
    let ms = 0
    const now = vi.spyOn(performance, 'now').mockImplementation(() => (ms += 400))
    const busy = clientWith([statesInTurn(startingUp)]).domains.observe(uuid)
    await expect(busy).rejects.toMatchObject({ kind: 'Transient', code: 'LibvirtBusy' })
    now.mockRestore()
  })

  it('start waits until a start of an earlier agent has ended, however long that takes', async () => {
    let ms = 0
    const now = vi.spyOn(performance, 'now').mockImplementation(() => (ms += 4000))
    const { domains, callCount } = clientWith([statesInTurn(startingUp, startingUp, startingUp, booted)])
    await domains.start(uuid, signal)
    expect(callCount(proc.domainCreateWithFlags)).toBe(0)
    now.mockRestore()
  })

  it.each([
    ['start starts the domain again when libvirtd was killed during a start and ends it', killed, 1],
    ['start does nothing when the domain has started meanwhile', booted, 0],
  ])('%s', async (_, end, starts) => {
    const { domains, callCount } = clientWith([statesInTurn(startingUp, end)])
    await domains.start(uuid, signal)
    expect(callCount(proc.domainCreateWithFlags)).toBe(starts)
  })
})

describe('observe of a domain with a managed save', () => {
  const completeSave: [unknown, () => unknown] = [proc.domainManagedSaveGetXmlDesc, () => ({ xml: '<domain/>' })]
  const incompleteSave: [unknown, () => unknown] = [
    proc.domainManagedSaveGetXmlDesc,
    () => {
      throw makeLibvirtError(9, 'operation failed: save image is incomplete')
    },
  ]
  const saveExists: [unknown, () => unknown] = [proc.domainHasManagedSaveImage, () => ({ result: true })]

  it.each([
    ['answers saved when the domain is off and the save complete', killed, completeSave, 'saved', 0],
    [
      'answers off when the host lost its power during the save and half a file is left',
      killed,
      incompleteSave,
      'off',
      0,
    ],
    ['removes the save of a domain that runs: it is older than the disk', booted, completeSave, 'running', 1],
  ] as const)('%s', async (_, state, save, power, removals) => {
    const { domains, callCount } = clientWith([saveExists, save, [proc.domainGetState, () => state]])
    expect(await domains.observe(uuid)).toMatchObject({ power })
    expect(callCount(proc.domainManagedSaveRemove)).toBe(removals)
  })
})

it('pause throws LibvirtBusy when libvirtd still runs another operation on the domain', async () => {
  const timeout = makeLibvirtError(68, 'Timed out during operation: cannot acquire state change lock')
  const { domains } = clientWith([[proc.domainSuspend, () => Promise.reject(timeout)]])
  await expect(domains.pause(uuid)).rejects.toMatchObject({ kind: 'Transient', code: 'LibvirtBusy' })
})

const noMetadata = makeLibvirtError(80, 'metadata not found: Requested metadata element is not present')

describe('ownerOf', () => {
  it.each([
    [
      'answers the Server that the metadata names',
      () => ({ metadata: ownerMetadata }),
      { namespace: 'demo', name: 'web', uid: 'u1' },
    ],
    ['answers none when the metadata has no element of our namespace', () => Promise.reject(noMetadata), undefined],
    ['answers none when the domain is gone', () => Promise.reject(noDomain), undefined],
  ])('%s', async (_, answer, owner) => {
    expect(await clientWith([[proc.domainGetMetadata, answer]]).client.ownerOf(dom)).toEqual(owner)
  })

  it.each([
    ['throws Terminal when the metadata is damaged', () => ({ metadata: '<domain' }), 'Terminal'],
    [
      'throws Transient when the connection breaks',
      () => Promise.reject(makeLibvirtError(38, 'end of file while reading data')),
      'Transient',
    ],
  ])('%s', async (_, answer, kind) => {
    await expect(clientWith([[proc.domainGetMetadata, answer]]).client.ownerOf(dom)).rejects.toMatchObject({ kind })
  })
})

describe('a domain with the Server’s UUID that it does not own', () => {
  const others = renderXml(ownerElement({ namespace: 'other', name: 'web', uid: 'u2' }))

  it.each([
    ['when no Server owns it', 'Terminal', () => Promise.reject(noMetadata)],
    ['when another Server owns it', 'Transient', () => ({ metadata: others })],
  ])('is absent for reads and removals, refused for other calls, and never touched, %s', async (_, kind, answer) => {
    const { domains, callCount } = clientWith([[proc.domainGetMetadata, answer]])
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
      expect(callCount(procedure)).toBe(0)
  })
})
