import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Hypervisor, resourceDefOf, type Server, server } from '../crds/index.ts'
import type { Condition } from '../crds/schema.ts'
import type { Kube } from '../kube/client.ts'
import { ApiError } from '../kube/errors.ts'
import type { Resource } from '../kube/resource.ts'
import { FakeApi } from '../test/fakes/api.ts'
import { Life } from '../test/fakes/life.ts'
import { parseArguments } from './arguments.ts'
import { describeMissingHost, makeBootableDisk, waitForHost, waitUntilReady } from './boot-server.ts'
import { findRemainingServers } from './uninstall-guard.ts'

describe('findRemainingServers', () => {
  const kubeWith = async (names: readonly string[]) => {
    const kube = new FakeApi(() => new Date(0)).kube(new Life(), 'test')
    const servers = kube.resource<Server>(resourceDefOf(server))
    for (const name of names)
      await servers.create({
        metadata: { name, namespace: 'default' },
        spec: { flavor: 'tiny', image: { name: 'guest' }, networks: [] },
      })
    return kube
  }

  const rollback = 'helm rollback kubenova 3'

  it('returns undefined when no Server exists', async () => {
    expect(await findRemainingServers(await kubeWith([]), rollback)).toBeUndefined()
  })

  it('names three Servers and counts the rest when more exist', async () => {
    expect(await findRemainingServers(await kubeWith(['d', 'b', 'a', 'c', 'e']), rollback)).toBe(
      '5 Servers exist (default/a, default/b, default/c and 2 more), and only the agents can remove guests and disks: ' +
        'delete the Servers first (kubectl delete servers --all --all-namespaces), or uninstall with --no-hooks to leave ' +
        'their guests running without Kubenova, or keep Kubenova (helm rollback kubenova 3)',
    )
  })

  /** A client whose list of Servers has these pages; an error instead of a page ends the list. */
  function kubeWithPages(...answers: (string[] | Error)[]): Kube {
    async function* pages() {
      for (const answer of answers) {
        if (answer instanceof Error) throw answer
        yield { items: answer.map((name) => ({ metadata: { name, namespace: 'default' } })) }
      }
    }
    return { resource: () => ({ pages }) } as unknown as Kube
  }

  it('reads all pages of the list', async () => {
    expect(await findRemainingServers(kubeWithPages(['a', 'b'], ['c', 'd']), rollback)).toContain(
      '4 Servers exist (default/a, default/b, default/c and 1 more)',
    )
  })

  it('returns undefined when the kind does not exist, and throws any other error', async () => {
    const failWith = (status: number) => kubeWithPages(new ApiError({ request: 'GET /x', status }))
    expect(await findRemainingServers(failWith(404), rollback)).toBeUndefined()
    await expect(findRemainingServers(failWith(403), rollback)).rejects.toThrow('403')
  })
})

describe('parseArguments', () => {
  const names = { required: ['release', 'namespace'], optional: ['labels'] } as const

  it('returns the values of the options', () => {
    expect(parseArguments(['--release=a', '--namespace', 'b'], names)).toEqual({ release: 'a', namespace: 'b' })
    expect(parseArguments(['--release=a', '--namespace=b', '--labels='], names)).toMatchObject({ labels: '' })
  })

  it('throws an error when a required option is missing, or an option is unknown', () => {
    expect(() => parseArguments(['--labels=x'], names)).toThrow('missing options: --release, --namespace')
    expect(() => parseArguments(['--release=a', '--namespace=b', '--more=c'], names)).toThrow("Unknown option '--more'")
  })
})

it('makeBootableDisk makes a disk that a BIOS boots', () => {
  const disk = makeBootableDisk()
  expect(disk.length).toBe(1_048_576)
  expect(disk.subarray(510, 512).toString('hex')).toBe('55aa')
})

describe('describeMissingHost', () => {
  const condition = (status: string, reason: string, message: string) => ({ type: 'Ready', status, reason, message })
  const host = (name: string, ...conditions: object[]) =>
    ({ metadata: { name }, spec: {}, status: { conditions } }) as unknown as Hypervisor
  const up = host('h1', condition('True', 'Connected', 'libvirt answers'))
  const away = host('h2', condition('False', 'LibvirtUnreachable', 'libvirt does not answer'))
  const describeHosts = (hosts: Hypervisor[], nodeLabels = 'a=b c=d') =>
    describeMissingHost(hosts, { namespace: 'kubenova-system', nodeLabels })

  it('returns undefined when a Hypervisor is Ready', () => {
    expect(describeHosts([away, up])).toBeUndefined()
  })

  it('says how to label a node when no Hypervisor exists', () => {
    expect(describeHosts([])).toBe(
      'no Hypervisor exists: label a node (kubectl label node NAME a=b c=d), and see that its agent runs (kubectl get pods --namespace kubenova-system)',
    )
    expect(describeHosts([], '')).toBe('no Hypervisor exists: start an agent on a host')
  })

  it('names the reasons of three Hypervisors when none is Ready', () => {
    expect(describeHosts([away, host('h3')])).toBe(
      'no Hypervisor is Ready: h2: LibvirtUnreachable: libvirt does not answer; h3: its agent has not reported yet; see kubectl get pods --namespace kubenova-system',
    )
    expect(describeHosts([away, away, away, away])).toMatch(/; and 1 more$/)
  })
})

/** Answers each call with the next of `answers`, and with the last one when there are no more. */
function answerInTurn<T>(...answers: (number | T)[]): () => Promise<T> {
  return async () => {
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) as number | T
    if (typeof answer === 'number') throw new ApiError({ request: 'GET /x', status: answer })
    return answer
  }
}

describe('waitForHost', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())
  const host = { metadata: { name: 'h1' }, spec: {}, status: { conditions: [{ type: 'Ready', status: 'True' }] } }

  async function waitWith(deadlineMs: number, ...answers: (number | { items: object[] })[]): Promise<string> {
    const hypervisors = { list: answerInTurn(...answers) } as unknown as Resource<Hypervisor>
    const options = { namespace: 'kubenova-system', nodeLabels: '', report: () => undefined }
    const ended = waitForHost(hypervisors, { ...options, deadline: Date.now() + deadlineMs }).then(
      () => 'a host is Ready',
      (error: Error) => error.message,
    )
    await vi.runAllTimersAsync()
    return ended
  }

  it.each([0, 403, 404, 429, 503])('tries again after the status %i', async (status) => {
    expect(await waitWith(60_000, status, { items: [] }, status, { items: [host] })).toBe('a host is Ready')
  })

  it('throws an error with the answer at the deadline', async () => {
    expect(await waitWith(5000, 503)).toContain('503')
    expect(await waitWith(5000, { items: [] })).toBe('no Hypervisor exists: start an agent on a host')
  })

  it('throws any other error at once', async () => {
    expect(await waitWith(60_000, 401, { items: [host] })).toContain('401')
  })
})

describe('waitUntilReady', () => {
  const ref = { name: 'kubenova-test', namespace: 'default' }
  const ready: Condition = {
    type: 'Ready',
    status: 'True',
    reason: 'Running',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  }
  const notReady = (reason: string, message: string): Condition => ({ ...ready, status: 'False', reason, message })
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  async function waitWith(conditions: readonly Condition[], deadlineMs: number) {
    let polls = 0
    const get = async () => ({ status: { host: 'h1', conditions: [conditions[polls++] ?? conditions.at(-1)] } })
    const reports: string[] = []
    const options = { deadline: Date.now() + deadlineMs, report: (message: string) => void reports.push(message) }
    const ended = waitUntilReady({ get } as unknown as Resource<Server>, ref, options).catch(
      (error: Error) => error.message,
    )
    await vi.runAllTimersAsync()
    return { reports, ended: await ended }
  }

  it('reports each reason once until the Server is Ready', async () => {
    const pending = notReady('Pending', 'waiting for the controller')
    const downloading = notReady('ImageDownloading', '10 %')
    const polls = [pending, pending, downloading, { ...downloading, message: '20 %' }, ready]
    expect(await waitWith(polls, 60_000)).toEqual({
      reports: [
        'the test Server is not Ready yet: Pending: waiting for the controller',
        'the test Server is not Ready yet: ImageDownloading: 10 %',
      ],
      ended: 'h1',
    })
  })

  it.each([0, 403, 503])('tries again after the status %i', async (status) => {
    const get = answerInTurn<object>(status, { status: { host: 'h1', conditions: [ready] } })
    const options = { deadline: Date.now() + 60_000, report: () => undefined }
    const host = waitUntilReady({ get } as unknown as Resource<Server>, ref, options).catch(String)
    await vi.runAllTimersAsync()
    expect(await host).toBe('h1')
  })

  it('throws an error with the last reason at the deadline', async () => {
    const { ended } = await waitWith([notReady('Pending', 'waiting'), notReady('NoValidHost', 'no host is up')], 5000)
    expect(ended).toBe('the test Server is not Ready: NoValidHost: no host is up')
  })
})
