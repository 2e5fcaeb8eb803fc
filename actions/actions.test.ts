import { describe, expect, it } from 'vitest'
import { type DomainPower, Refused, Transient, type VmState } from '../crds/index.ts'
import type { FakeHost } from '../test/fakes/host.ts'
import { Killed, Life, type When } from '../test/fakes/life.ts'
import { type Action, isUnchanging } from './action.ts'
import { type ActionName, actions } from './index.ts'
import { guestOf, neverBuilt, type Run, rescueImage, runOn, situations, UID } from './testing.ts'

interface Case {
  title: string
  action: Action
  params: Record<string, unknown>
  from: VmState
  make: () => Promise<FakeHost>
}

const paramsOf = ({ name }: Action): Record<string, unknown>[] => {
  if (name === 'reboot') return [{ type: 'SOFT' }, { type: 'HARD' }]
  if (name === 'rescue') return [{ resolvedImage: rescueImage }]
  return name === 'changePassword' ? [{ sealed: 'sealed-password' }] : [{}]
}

const titleOf = (value: unknown): string => (typeof value === 'string' ? value : 'from another image')

/** For a server that was never built, users may request only actions that boot the guest. */
const isRejected = ({ request, boots }: Action, make: Case['make']): boolean =>
  request !== undefined && !boots && neverBuilt.has(make)

const cases: Case[] = Object.values(actions).flatMap((action) =>
  action.from.flatMap((from) =>
    situations[from].flatMap((make, i) =>
      (isRejected(action, make) ? [] : paramsOf(action)).map((params) => {
        const title = [action.name, ...Object.values(params).map(titleOf), 'from', from, i > 0 ? `(${i + 1})` : '']
          .join(' ')
          .trim()
        return { title, action, params, from, make }
      }),
    ),
  ),
)

/** The power of the domain after each action if spec.powerState is Running. */
const powerAfter: Record<ActionName, DomainPower | 'gone' | 'unchanged'> = {
  create: 'running',
  delete: 'gone',
  start: 'running',
  stop: 'off',
  pause: 'paused',
  unpause: 'running',
  suspend: 'saved',
  resume: 'running',
  reboot: 'running',
  rescue: 'running',
  unrescue: 'running',
  trigger_crash_dump: 'unchanged',
  changePassword: 'unchanged',
}

async function expectDone({ action, title, make }: Case, host: FakeHost): Promise<void> {
  const wanted = powerAfter[action.name as ActionName]
  const { power } = host.observe(UID)
  const disk = diskAfter[action.name as ActionName]
  if (disk !== undefined) expect(host.machine(UID).domain?.runsFrom, title).toBe(disk)
  if (action.name === 'unrescue') expect(host.machine(UID).rescueDisk, title).toBeUndefined()
  if (wanted === 'gone') expect(host.isEmpty(UID), title).toBe(true)
  else if (wanted === 'unchanged') expect(power, title).toBe((await make()).observe(UID).power)
  // A server that should be off may have no domain.
  else expect(wanted === 'off' && power === 'missing' ? 'off' : power, title).toBe(wanted)
}

const diskAfter: Partial<Record<ActionName, string>> = {
  create: 'root disk',
  reboot: 'root disk',
  rescue: 'rescue disk',
  unrescue: 'root disk',
}

/** `m1` is the action's boot ID. */
const boots = (host: FakeHost): number => host.machine(UID).boots.filter((bootId) => bootId === 'm1').length

/**
 * Runs the action. An action that leaves the power unchanged may be refused, so the test ignores that: a crash dump,
 * for example, is refused if the guest does not run.
 */
async function run(c: Case, host: FakeHost, more: Partial<Run> = {}): Promise<void> {
  try {
    await runOn(host, { action: c.action, params: c.params, ...more })
  } catch (error) {
    if (powerAfter[c.action.name as ActionName] !== 'unchanged' || !(error instanceof Refused)) throw error
  }
}

/** `waits` counts the tries after which a step was not done yet, `effects` the calls that changed the host. */
async function runWithoutFaults(c: Case): Promise<{ boots: number; waits: number; effects: number; end: object }> {
  const [host, life] = [await c.make(), new Life()]
  let waits = 0
  await run(c, host, { life, onWait: () => void (waits += 1) })
  return { boots: boots(host), waits, effects: life.effects.length, end: endOf(host) }
}

function endOf(host: FakeHost): object {
  const { boots: _, starts: __, ...machine } = host.machine(UID)
  return { ...machine, power: host.observe(UID).power }
}

const points = (effects: number): { at: number; when: When }[] =>
  Array.from({ length: effects }, (_, at) => [{ at, when: 'before' } as const, { at, when: 'after' } as const]).flat()

it('covers every action, from every state it may be asked in', () => {
  const covered = new Set(cases.map(({ action, from }) => `${action.name} ${from}`))
  for (const action of Object.values(actions))
    for (const from of action.from) expect(covered).toContain(`${action.name} ${from}`)
})

it('has cases in which a step lasts', async () => {
  const runs = await Promise.all(cases.map(async (c) => ({ title: c.title, waits: (await runWithoutFaults(c)).waits })))
  const lasting = runs.filter(({ waits }) => waits > 0).map(({ title }) => title)
  expect(lasting).toEqual(
    expect.arrayContaining([
      'create from building',
      'stop from active (2)',
      'suspend from active',
      'resume from suspended',
    ]),
  )
})

describe.each(cases)('$title', (c) => {
  it('leads to the state that it promises, and boots at most once', async () => {
    const host = await c.make()
    await run(c, host)
    await expectDone(c, host)
    expect(boots(host)).toBeLessThanOrEqual(1)
  })

  it('ends the same with each step done twice, and when all of it is done again', async () => {
    const { end, boots: once } = await runWithoutFaults(c)
    const twice = await c.make()
    await run(c, twice, { times: 2 })
    expect(endOf(twice)).toEqual(end)
    expect(boots(twice)).toBe(once)
    await run(c, twice)
    expect(endOf(twice)).toEqual(end)
    expect(boots(twice)).toBe(once)
  })

  it('ends the same when it is tried again after an error at any point', async () => {
    const { effects, end, boots: once } = await runWithoutFaults(c)
    for (const { at, when } of points(effects)) {
      const host = await c.make()
      const error = new Transient('LibvirtError', 'libvirt is busy')
      await expect(run(c, host, { life: new Life().failAt(at, error, when) })).rejects.toBe(error)
      await run(c, host)
      expect(endOf(host), `${when} effect ${at}`).toEqual(end)
      expect(boots(host), `${when} effect ${at}`).toBe(once)
    }
  })

  it('ends the same after a crash at any point, and boots no more often', async () => {
    const { effects, end, boots: once } = await runWithoutFaults(c)
    for (const { at, when } of points(effects)) {
      const host = await c.make()
      await expect(run(c, host, { life: new Life().killAt(at, when) })).rejects.toThrow(Killed)
      await run(c, host)
      expect(endOf(host), `${when} effect ${at}`).toEqual(end)
      expect(boots(host), `${when} effect ${at}`).toBe(once)
    }
  })

  it('ends the same after a crash between two tries of a step that lasts, and boots no more often', async () => {
    const { waits, end, boots: once } = await runWithoutFaults(c)
    for (let at = 1; at <= waits; at++) {
      const host = await c.make()
      let count = 0
      const onWait = (): void => {
        if (++count === at) throw new Killed('between two reconciles')
      }
      await expect(run(c, host, { onWait })).rejects.toThrow(Killed)
      await run(c, host)
      expect(endOf(host), `wait ${at}`).toEqual(end)
      expect(boots(host), `wait ${at}`).toBe(once)
    }
  })

  it('ends the same after two crashes, one in the recovery of the other', async () => {
    const { effects, end, boots: once } = await runWithoutFaults(c)
    for (const first of points(effects))
      for (const second of points(effects)) {
        const host = await c.make()
        await expect(run(c, host, { life: new Life().killAt(first.at, first.when) })).rejects.toThrow(Killed)
        // The first run has done a part of the work already. So the second run may end before the call at which it was
        // to be killed.
        await run(c, host, { life: new Life().killAt(second.at, second.when) }).catch((error: unknown) => {
          if (!(error instanceof Killed)) throw error
        })
        await run(c, host)
        expect(endOf(host), JSON.stringify([first, second])).toEqual(end)
        expect(boots(host)).toBe(once)
      }
  })
})

describe('actions', () => {
  it('is given up while libvirtd stays busy when it changes no state of the server', () => {
    const unchanging = Object.values<Action>(actions).filter(isUnchanging)
    expect(unchanging.map(({ name, triesWhileBusy }) => [name, triesWhileBusy])).toEqual([
      ['trigger_crash_dump', 10],
      ['changePassword', 10],
    ])
  })

  it.each(['active', 'paused', 'suspended'] as const)(
    'a second request to reboot from %s is a second boot',
    async (from) => {
      const host = await situations[from][0]!()
      await runOn(host, { action: actions.reboot, params: { type: 'HARD' }, bootId: 'r1' })
      await runOn(host, { action: actions.reboot, params: { type: 'HARD' }, bootId: 'r2' })
      expect(host.machine(UID).boots).toEqual(['m0', 'r1', 'r2'])
    },
  )

  it('create boots nothing when spec.powerState is Stopped', async () => {
    const host = await situations.building[0]!()
    await runOn(host, { action: actions.create, guest: guestOf({ powerState: 'Stopped' }) })
    expect(host.observe(UID).power).toBe('off')
    expect(host.machine(UID).boots).toEqual([])
  })

  it('resume and unpause boot nothing', async () => {
    for (const [action, from] of [
      [actions.resume, 'suspended'],
      [actions.unpause, 'paused'],
    ] as const) {
      const host = await situations[from][0]!()
      await runOn(host, { action })
      expect(host.machine(UID).boots).toEqual(['m0'])
    }
  })

  it('a soft reboot asks the guest first, a hard one does not', async () => {
    for (const [type, asks] of [
      ['SOFT', true],
      ['HARD', false],
    ] as const) {
      const [host, life] = [await situations.active[0]!(), new Life()]
      await runOn(host, { action: actions.reboot, params: { type }, life })
      expect(life.effects.includes('domains.requestShutdown web')).toBe(asks)
      expect(life.effects.includes('domains.destroy web')).toBe(!asks)
    }
  })

  it('a domain that runs keeps the definition that it runs with', async () => {
    const [host, life] = [await situations.active[0]!(), new Life()]
    await runOn(host, { action: actions.start, life })
    expect(life.effects).not.toContain('domains.define web')
    expect(host.machine(UID).domain).toMatchObject({ bootId: 'm0', runningBootId: 'm0' })
  })

  it('a boot brings what the server says now', async () => {
    const host = await situations.stopped[0]!()
    const guest = guestOf({ displayName: 'new name' })
    await runOn(host, { action: actions.start, guest })
    expect(host.machine(UID).configDrive).toContain('new name')
  })

  it('the image is fetched once, however often steps are repeated', async () => {
    const host = await situations.building[0]!()
    await runOn(host, { action: actions.create, times: 3 })
    expect(host.images.downloads).toBe(1)
  })
})
