import { generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { sealSecret } from '../../actions/sealed-secret.ts'
import type { ServerAction } from '../../crds/index.ts'
import { type Log, noLog } from '../../kube/log.ts'
import { ownerElement } from '../domain/metadata.ts'
import { renderXml } from '../domain/render-xml.ts'
import { newDomainClient } from '../host/domain-client.ts'
import { newGuestAgent } from '../host/guest-agent.ts'
import { type CallFunction, ConnectionError, proc } from '../libvirt/index.ts'
import { makeLibvirtError } from '../libvirt/testing/errors.ts'
import { publicSealingKey } from '../sealing-key.ts'
import { reconcileServer } from './reconcile.ts'
import { readyOf, startBenchWithActiveServer } from './testing.ts'

const PASSWORD = 'correct horse'
const { privateKey } = generateKeyPairSync('x25519')

async function run(error?: Error, times = Infinity) {
  const bench = await startBenchWithActiveServer()
  const { uid: server = '' } = bench.server.metadata
  const uid = await bench.requestAction('changePassword', { passwordSecret: { name: 'web-password' } }, 'r1')
  const sealed = await sealSecret(PASSWORD, publicSealingKey(privateKey), { server, request: uid })
  const activeAction = { ...bench.status.activeAction, params: { user: 'root', sealed } }
  const metadata = { namespace: 'demo', name: 'web' }
  await bench.servers.applyStatus({ metadata, status: { activeAction } }, { fieldManager: 'kubenova-admission' })

  const passwords: string[] = []
  let failures = 0
  const owner = renderXml(ownerElement({ namespace: 'demo', name: 'web', uid: server }))
  const call = async (procedure: unknown, args: { password?: string }): Promise<unknown> => {
    if (procedure === proc.domainLookupByUuid) return { dom: { name: 'web', uuid: server, id: 1 } }
    if (procedure === proc.domainGetMetadata) return { metadata: owner }
    if (procedure === proc.domainIsActive) return { active: true }
    if (error && failures++ < times) throw error
    passwords.push(args.password ?? '')
    return {}
  }
  const client = newDomainClient(call as unknown as CallFunction)
  const agent = bench.startAgent()
  const guestAgent = newGuestAgent({ client, sealingKey: async () => privateKey })
  const deps = { ...agent.deps, host: { ...agent.deps.host, guestAgent } }

  const lines: unknown[] = []
  const write = (...line: unknown[]): void => void lines.push(line)
  const log: Log = { ...noLog, debug: write, info: write, warn: write, error: write, child: () => log }
  const ctx = { signal: new AbortController().signal, log, priority: 'normal', attempt: 1 } as const
  const record = (): ServerAction['status'] => (bench.api.find('serveractions', 'demo/r1') as ServerAction).status
  for (let i = 0; i < 12 && record()?.phase !== 'Succeeded' && record()?.phase !== 'Failed'; i++) {
    await reconcileServer(bench.server, deps, ctx)
    await bench.clock.advance(60_000)
  }
  const written = inspect([bench.api.list('servers'), bench.api.list('serveractions'), agent.events, lines], {
    depth: Infinity,
    maxStringLength: Infinity,
    maxArrayLength: Infinity,
    showHidden: true,
  })
  return { bench, passwords, record: record(), written }
}

const secretTexts = [PASSWORD, Buffer.from(PASSWORD).toString('base64')]

describe('changePassword', () => {
  it('sets the password, and leaves the server active', async () => {
    const { bench, passwords, record, written } = await run()
    expect(passwords).toEqual([PASSWORD])
    expect(record).toMatchObject({ phase: 'Succeeded', events: [{ event: 'compute_set_admin_password' }] })
    expect(bench.status).toMatchObject({ vmState: 'active' })
    expect(bench.status).not.toHaveProperty('taskState')
    for (const text of secretTexts) expect(written).not.toContain(text)
  })

  it.each<[string, Error, string]>([
    ['there is no guest agent', makeLibvirtError(74, 'QEMU guest agent is not configured'), 'GuestAgentUnavailable'],
    ['libvirt’s error has the password', makeLibvirtError(1, `cannot set ${PASSWORD}`), 'GuestAgentError'],
  ])('fails, and leaves the server active, when %s', async (_, error, reason) => {
    const { bench, passwords, record, written } = await run(error)
    expect(passwords).toEqual([])
    const incomplete = expect.objectContaining({ type: 'Complete', status: 'False', reason })
    expect(record).toMatchObject({ phase: 'Failed', conditions: expect.arrayContaining([incomplete]) })
    expect(bench.status).toMatchObject({ vmState: 'active' })
    expect(bench.status).not.toHaveProperty('fault')
    expect(readyOf(bench)).toMatchObject({ status: 'True' })
    for (const text of secretTexts) expect(written).not.toContain(text)
  })

  it('fails, says what to do, and leaves the server active, when libvirtd stays busy with the domain', async () => {
    const busy = makeLibvirtError(68, 'Timed out during operation: cannot acquire state change lock')
    const { bench, passwords, record, written } = await run(busy)
    expect(passwords).toEqual([])
    expect(record).toMatchObject({
      phase: 'Failed',
      message: expect.stringContaining('given up after 10 tries: see on the host what libvirtd does'),
      conditions: expect.arrayContaining([
        expect.objectContaining({ type: 'Complete', status: 'False', reason: 'LibvirtBusy' }),
      ]),
    })
    expect(bench.status).toMatchObject({ vmState: 'active' })
    expect(bench.status).not.toHaveProperty('fault')
    for (const text of secretTexts) expect(written).not.toContain(text)
  })

  it.each<[string, Error]>([
    [
      'the answer of libvirtd was lost',
      new ConnectionError('lost', 'libvirtd has closed the connection', { sent: true }),
    ],
    ['libvirtd was busy', makeLibvirtError(68, 'Timed out during operation: cannot acquire state change lock')],
  ])('sets the password at the next try when %s', async (_, error) => {
    const { passwords, record, written } = await run(error, 1)
    expect(passwords).toEqual([PASSWORD])
    expect(record).toMatchObject({ phase: 'Succeeded' })
    for (const text of secretTexts) expect(written).not.toContain(text)
  })
})
