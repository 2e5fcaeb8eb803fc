import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { withHost } from '../../test/rig/vitest.ts'
import { METADATA_NAMESPACE } from '../domain/metadata.ts'
import {
  type Connection,
  type DomainRef,
  metadataType,
  modificationImpact,
  openConnection,
  proc,
} from '../libvirt/index.ts'
import { startEchoGuest } from '../libvirt/testing/guest.ts'
import { newDomainClient, type OwnedDomains } from './domain-client.ts'

const host = withHost()
const uuid = randomUUID()
let connection: Connection
let dom: DomainRef
let domains: OwnedDomains

beforeAll(async () => {
  connection = await openConnection(host().uri)
  dom = (await startEchoGuest(connection, join(host().home, 'guests'), 'guest', uuid)).dom
  // libvirt adds the XML prefix in `key`.
  const metadata = '<domain namespace="demo" name="web" uid="u1"/>'
  const flags = modificationImpact.config | modificationImpact.live
  const element = { type: metadataType.element, key: 'kubenova', uri: METADATA_NAMESPACE, flags }
  await connection.call(proc.domainSetMetadata, { dom, metadata, ...element })
  domains = newDomainClient((procedure, args, how) => connection.call(procedure, args, how)).of('u1')
})

const readNote = async (): Promise<string> => {
  const uri = 'https://kubenova.io/nmi/1'
  const element = { dom, type: metadataType.element, uri, flags: modificationImpact.live }
  return (await connection.call(proc.domainGetMetadata, element)).metadata
}

it('injectNmi notes the request in the running domain and answers sent again when it is repeated', async () => {
  expect(await domains.injectNmi(uuid, 'r1')).toBe('sent')
  expect(await readNote()).toMatch(/request=.r1. state=.sent./)
  expect(await domains.injectNmi(uuid, 'r1')).toBe('sent')
  expect(await domains.injectNmi(uuid, 'r2')).toBe('sent')
  expect(await readNote()).toMatch(/request=.r2. state=.sent./)
})

it('injectNmi answers unknown when the agent died while it sent the NMI', async () => {
  const metadata = '<nmi request="r3" state="sending"/>'
  const element = { type: metadataType.element, key: 'kubenova-nmi', uri: 'https://kubenova.io/nmi/1' }
  await connection.call(proc.domainSetMetadata, { dom, metadata, ...element, flags: modificationImpact.live })
  expect(await domains.injectNmi(uuid, 'r3')).toBe('unknown')
})

it('injectNmi sends an NMI to a paused guest', async () => {
  await domains.pause(uuid)
  expect(await domains.injectNmi(uuid, 'r4')).toBe('sent')
  await domains.unpause(uuid)
})

it('setPassword answers GuestAgentUnavailable when the domain has no channel to a guest agent', async () => {
  expect(await domains.setPassword(uuid, 'root', 'secret')).toMatchObject({
    reason: 'GuestAgentUnavailable',
    message: expect.stringContaining('libvirt: '),
  })
})

it('injectNmi and setPassword answer that the guest does not run when the domain is off', async () => {
  await domains.destroy(uuid)
  expect(await domains.injectNmi(uuid, 'r5')).toBe('notRunning')
  expect(await domains.setPassword(uuid, 'root', 'secret')).toMatchObject({ reason: 'GuestNotRunning' })
})
