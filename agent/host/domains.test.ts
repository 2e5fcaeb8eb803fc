import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Guest, ObservedDomain } from '../../actions/host/index.ts'
import { makeHostFacts, makeInstance } from '../domain/examples.ts'
import type { DomainClient, DomainDefinition, OwnedDomains } from './domain-client.ts'
import { type DomainsOptions, newDomains } from './domains.ts'
import { Jobs } from './jobs.ts'
import { serverPathsOf } from './paths.ts'

const uuid = '00000000-0000-4000-8000-000000000001'
const guest = { server: { metadata: { name: 'web', uid: uuid } }, instance: { uuid } } as unknown as Guest
const ctx = { signal: new AbortController().signal }

function newDomainsWithStubs(calls: Partial<OwnedDomains>) {
  const jobs = new Jobs(() => undefined)
  const client = { of: () => ({ readDefinition: async () => undefined, ...calls }) } as unknown as DomainClient
  return { jobs, domains: newDomains({ client, jobs } as DomainsOptions) }
}

describe('define', () => {
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'domains-'))
  })
  afterEach(() => rmSync(root, { recursive: true }))

  async function defineOver(definition: DomainDefinition | undefined): Promise<string> {
    const paths = serverPathsOf(root, root, uuid)
    mkdirSync(paths.dir, { recursive: true })
    execFileSync('qemu-img', ['create', '-q', '-f', 'raw', join(paths.dir, 'disk'), '1M'])
    const nightly = ['-f', 'qcow2', '-F', 'raw', '-b', join(paths.dir, 'disk'), join(paths.dir, 'disk.nightly')]
    execFileSync('qemu-img', ['create', '-q', ...nightly])
    writeFileSync(join(paths.dir, 'disks.json'), JSON.stringify({ root: 'raw', ephemeral: false, swap: false }))
    const define = vi.fn(async () => undefined)
    const calls = { readDefinition: async () => definition, define } as Partial<OwnedDomains>
    const client = { of: () => calls } as unknown as DomainClient
    const options = {
      client,
      jobs: new Jobs(() => undefined),
      pathsOf: () => paths,
      facts: makeHostFacts,
      diskDirs: [],
    }
    const whole = { server: { metadata: { name: 'web', uid: uuid }, spec: {} }, instance: { ...makeInstance(), uuid } }
    await newDomains(options).define(whole as unknown as Guest, 'b1', ctx)
    return String((define.mock.calls as unknown[][])[0]?.[1]).replaceAll(paths.dir, '/d')
  }

  const newXml = (name: string, disk: string): string =>
    `<domain><name>${name}</name><devices><disk type='file' device='disk'><driver type='qcow2'/><source file='${disk}'/><target dev='vda' bus='virtio'/></disk></devices></domain>`

  it('names the overlay with its layers that a snapshot has put into the definition', async () => {
    const top = join(serverPathsOf(root, root, uuid).dir, 'disk.nightly')
    const xml = await defineOver({ name: 'web-00000000', isActive: false, xml: newXml('web-00000000', top) })
    expect(xml).toContain(`<source file="/d/disk.nightly"/>
      <backingStore type="file">
        <format type="raw"/>
        <source file="/d/disk"/>
        <backingStore/>
      </backingStore>`)
  })

  it('keeps the name that virsh domrename has given the domain', async () => {
    const disk = join(serverPathsOf(root, root, uuid).dir, 'disk.nightly')
    expect(await defineOver({ name: 'mine', isActive: false, xml: newXml('mine', disk) })).toContain(
      '<name>mine</name>',
    )
    rmSync(disk)
  })
})

describe('observe', () => {
  const definition = { name: 'mine', isActive: false, xml: '<domain/>' }

  it.each([
    ['the name of a domain that was renamed', 'mine', { power: 'off', name: 'mine' }],
    ['no name of a domain that has the name that the agent gave it', 'web-00000000', { power: 'off' }],
  ] as const)('returns %s', async (_, name, expected) => {
    const client = {
      of: () => ({ observe: async () => ({ power: 'off' }), readDefinition: async () => ({ ...definition, name }) }),
    } as unknown as DomainClient
    const pathsOf = () => serverPathsOf('/nonexistent', '/nonexistent', uuid)
    const options = { client, pathsOf } as unknown as DomainsOptions
    expect(await newDomains(options).observe(guest)).toEqual(expected)
  })
})

describe('requestShutdown', () => {
  it('removes the managed save, asks the guest to power off, and does not wait for the answer', async () => {
    const calls: string[] = []
    const { domains } = newDomainsWithStubs({
      removeManagedSave: async () => void calls.push('removeManagedSave'),
      shutDown: () => {
        calls.push('shutDown')
        return new Promise(() => undefined)
      },
    })
    await domains.requestShutdown(guest, ctx)
    await domains.requestShutdown(guest, ctx)
    expect(calls).toEqual(['removeManagedSave', 'shutDown', 'removeManagedSave'])
  })

  it('asks the guest again at once when the domain has been started in between', async () => {
    const shutDown = vi.fn(async () => undefined)
    const { domains } = newDomainsWithStubs({
      removeManagedSave: async () => undefined,
      start: async () => undefined,
      shutDown,
    })
    await domains.requestShutdown(guest, ctx)
    await domains.start(guest, ctx)
    await domains.requestShutdown(guest, ctx)
    expect(shutDown).toHaveBeenCalledTimes(2)
  })
})

describe('start', () => {
  it('does not wait for a long restore: it starts it once, and is done when it has ended', async () => {
    const end = Promise.withResolvers<void>()
    const start = vi.fn(() => end.promise)
    const { domains } = newDomainsWithStubs({ start })
    expect(await domains.start(guest, ctx)).toEqual({ done: false, checkAfterMs: 5000 })
    expect(await domains.start(guest, ctx)).toEqual({ done: false, checkAfterMs: 5000 })
    expect(start).toHaveBeenCalledTimes(1)
    start.mockResolvedValue(undefined)
    end.resolve()
    await end.promise
    expect(await domains.start(guest, ctx)).toEqual({ done: true })
  })

  it('goes on when the step that began it is aborted', async () => {
    const step = new AbortController()
    let signal: AbortSignal | undefined
    const { domains } = newDomainsWithStubs({
      start: (_, aborted) => {
        signal = aborted
        return new Promise(() => undefined)
      },
    })
    await domains.start(guest, { signal: step.signal })
    step.abort()
    expect(signal?.aborted).toBe(false)
  })

  it('throws what libvirt refuses, also when that comes late', async () => {
    const refused = Promise.withResolvers<void>()
    const { domains } = newDomainsWithStubs({ start: () => refused.promise })
    await domains.start(guest, ctx)
    refused.reject(new Error('no memory'))
    await expect(domains.start(guest, ctx).then(() => domains.start(guest, ctx))).rejects.toThrow('no memory')
  })

  it('is given up before the domain is destroyed', async () => {
    let signal: AbortSignal | undefined
    let wasAborted: boolean | undefined
    const { domains } = newDomainsWithStubs({
      start: (_, aborted) => {
        signal = aborted
        return new Promise((_resolve, reject) => aborted.addEventListener('abort', () => reject(aborted.reason)))
      },
      destroy: async () => void (wasAborted = signal?.aborted),
    })
    await domains.start(guest, ctx)
    await domains.destroy(guest, ctx)
    expect(wasAborted).toBe(true)
  })
})

describe('save', () => {
  const saved: ObservedDomain = { power: 'saved', reason: 'saved' }
  const running: ObservedDomain = { power: 'running', reason: 'booted' }
  const saving: ObservedDomain = { power: 'paused', reason: 'saving' }

  it('saves nothing when the memory is saved already', async () => {
    const save = vi.fn(async () => undefined)
    const { domains } = newDomainsWithStubs({ observe: async () => saved, save })
    expect(await domains.save(guest, ctx)).toEqual({ done: true })
    expect(save).not.toHaveBeenCalled()
  })

  it('starts the save once and is done when it has ended', async () => {
    const end = Promise.withResolvers<void>()
    const save = vi.fn(() => end.promise)
    const observe = vi.fn(async () => running)
    const { domains } = newDomainsWithStubs({ observe, save })
    expect(await domains.save(guest, ctx)).toEqual({ done: false, checkAfterMs: 5000 })
    observe.mockResolvedValue(saving)
    expect(await domains.save(guest, ctx)).toEqual({ done: false, checkAfterMs: 5000 })
    observe.mockResolvedValue(saved)
    end.resolve()
    expect(await domains.save(guest, ctx)).toEqual({ done: true })
    expect(save).toHaveBeenCalledTimes(1)
  })

  it('waits for a save that an earlier run of the agent started and libvirtd continues', async () => {
    const save = vi.fn(async () => undefined)
    const { domains } = newDomainsWithStubs({ observe: async () => saving, save })
    expect(await domains.save(guest, ctx)).toEqual({ done: false, checkAfterMs: 5000 })
    expect(save).not.toHaveBeenCalled()
  })

  it('throws the error of libvirt when it refuses the save', async () => {
    const { domains } = newDomainsWithStubs({
      observe: async () => ({ power: 'off' }),
      save: () => Promise.reject(new Error('domain is not running')),
    })
    await expect(domains.save(guest, ctx)).rejects.toThrow('domain is not running')
  })

  it('is aborted when the domain is destroyed', async () => {
    let signal: AbortSignal | undefined
    const { domains, jobs } = newDomainsWithStubs({
      observe: async () => running,
      destroy: async () => undefined,
      save: (_, aborted) => {
        signal = aborted
        return new Promise((_resolve, reject) => aborted.addEventListener('abort', () => reject(aborted.reason)))
      },
    })
    await domains.save(guest, ctx)
    await domains.destroy(guest, ctx)
    expect([signal?.aborted, jobs.isRunning(`save ${uuid}`)]).toEqual([true, false])
  })
})
