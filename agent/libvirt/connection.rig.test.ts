import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { withHost } from '../../test/rig/vitest.ts'
import {
  type Connection,
  ConnectionError,
  domainEvents,
  isLibvirtError,
  lifecycleEvent,
  openConnection,
  proc,
} from './index.ts'
import { emptyDomainXml } from './testing/guest.ts'

const host = withHost()
let connection: Connection
beforeAll(async () => {
  connection = await openConnection(host().uri)
})

describe('openConnection', () => {
  it('gives a connection that answers version, URI and host name', async () => {
    const { version } = await connection.call(proc.connectGetLibVersion, {})
    expect(version).toBeGreaterThan(8_000_000n)
    expect(await connection.call(proc.connectGetUri, {})).toEqual({ uri: 'qemu:///system' })
    expect(await connection.call(proc.connectGetHostname, {})).toEqual({ hostname: 'host' })
  })

  it('tries the sockets in order', async () => {
    const address = { kind: 'unix' as const, paths: ['/nowhere/virtqemud-sock', host().socket] }
    await using other = await openConnection({ address })
    expect(await other.call(proc.connectGetUri, {})).toEqual({ uri: 'qemu:///system' })
  })

  it('fails when no daemon listens, and when the daemon does not know the URI', async () => {
    await expect(openConnection('qemu+unix:///system?socket=/nowhere')).rejects.toMatchObject({ code: 'unreachable' })
    await expect(openConnection(`strange+unix:///system?socket=${host().socket}`)).rejects.toMatchObject({
      name: 'LibvirtError',
      code: 'VIR_ERR_NO_CONNECT',
    })
  })

  it('gives a connection that cannot write when it is opened read only', async () => {
    await using readOnly = await openConnection({ uri: host().uri, readOnly: true })
    const error = await readOnly
      .call(proc.domainDefineXmlFlags, { xml: emptyDomainXml('no', randomUUID()) })
      .catch((e: unknown) => e)
    expect(isLibvirtError(error, 'VIR_ERR_OPERATION_DENIED')).toBe(true)
  })

  it('opens libvirt’s test driver', async () => {
    await using test = await openConnection(`test+unix:///default?socket=${host().socket}`)
    const { domains } = await test.call(proc.connectListAllDomains, { needResults: true })
    expect(domains).toEqual([{ name: 'test', uuid: '6695eb01-f6a4-8304-79aa-97f2502e193f', id: 1 }])
  })
})

describe('a domain', () => {
  it('is defined, started, destroyed and undefined, and then not found', async () => {
    const uuid = randomUUID()
    const { dom } = await connection.call(proc.domainDefineXmlFlags, { xml: emptyDomainXml('life', uuid) })
    expect(dom).toEqual({ name: 'life', uuid, id: -1 })
    const started = await connection.call(proc.domainCreateWithFlags, { dom })
    expect(started.dom.id).toBeGreaterThan(0)
    expect((await connection.call(proc.domainGetState, { dom })).state).toBe(1)
    await connection.call(proc.domainDestroyFlags, { dom })
    expect((await connection.call(proc.domainGetState, { dom })).state).toBe(5)
    await connection.call(proc.domainUndefineFlags, { dom })
    const error = await connection.call(proc.domainLookupByUuid, { uuid }).catch((e: unknown) => e)
    expect(isLibvirtError(error, 'VIR_ERR_NO_DOMAIN') && error).toMatchObject({
      domain: 'VIR_FROM_QEMU',
      procedure: 'domainLookupByUuid',
      level: 2,
      str1: 'Domain not found: %s',
    })
  })
})

describe('a connection under load', () => {
  it('gives each of five thousand concurrent calls its own answer', async () => {
    const dom = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        connection.call(proc.domainDefineXmlFlags, { xml: emptyDomainXml(`many-${i}`, randomUUID()) }),
      ),
    )
    const answers = await Promise.all(
      Array.from({ length: 5000 }, (_, i) => connection.call(proc.domainLookupByUuid, { uuid: dom[i % 20]!.dom.uuid })),
    )
    expect(answers.map((answer) => answer.dom.name)).toEqual(Array.from({ length: 5000 }, (_, i) => `many-${i % 20}`))
    await Promise.all(dom.map((d) => connection.call(proc.domainUndefineFlags, d)))
  })

  it('delivers a thousand events in order to a handler that makes a call for each', async () => {
    const uuid = randomUUID()
    const { dom } = await connection.call(proc.domainDefineXmlFlags, { xml: emptyDomainXml('flicker', uuid) })
    await using watcher = await openConnection(host().uri)
    const seen: number[] = []
    const subscription = await watcher.on(
      domainEvents.lifecycle,
      async ({ event }) => {
        await watcher.call(proc.connectGetLibVersion, {})
        seen.push(event)
      },
      { domain: dom },
    )
    for (let i = 0; i < 500; i += 1) {
      await connection.call(proc.domainUndefineFlags, { dom })
      await connection.call(proc.domainDefineXmlFlags, { xml: emptyDomainXml('flicker', uuid) })
    }
    await vi.waitUntil(() => seen.length === 1000, { timeout: 20_000 })
    const pair = [lifecycleEvent.undefined, lifecycleEvent.defined]
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, i) => pair[i % 2]))
    await subscription.close()
    await connection.call(proc.domainUndefineFlags, { dom })
    await connection.call(proc.connectGetLibVersion, {})
    expect(seen.length).toBe(1000)
  })
})

describe('a connection whose daemon is killed', () => {
  it('fails the calls under way and those that wait, and tells which were sent', async () => {
    const own = await openConnection(host().uri)
    const calls = Array.from({ length: 500 }, () => own.call(proc.connectGetCapabilities, {}).catch((e: unknown) => e))
    await Promise.race(calls)
    await host().killLibvirtd()
    const errors = (await Promise.all(calls)).filter((result) => result instanceof ConnectionError)
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['lost']))
    expect(errors.filter(({ sent }) => sent).length).toBeLessThanOrEqual(4)
    expect(errors.filter(({ sent }) => !sent).length).toBeGreaterThan(0)
    expect(await own.closed).toMatchObject({ code: 'lost' })
    await host().startLibvirtd()
    await using again = await openConnection(host().uri)
    expect(await again.call(proc.connectGetUri, {})).toEqual({ uri: 'qemu:///system' })
  })
})
