import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { decodeBundle } from '../../actions/injected-bundle.ts'
import { openSealedUserData } from '../../actions/sealed-secret.ts'
import { findCondition, type HostSecret } from '../../crds/index.ts'
import { type Secret, secrets } from '../../kube/builtin-kinds.ts'
import { Bench } from '../testing.ts'

const TYPE = 'compute.kubenova.io/injected'
const { publicKey, privateKey } = generateKeyPairSync('x25519')
const sealingKey = publicKey.export({ format: 'jwk' }).x ?? ''
const base64 = (text: string): string => Buffer.from(text).toString('base64')

async function startWith(data: Record<string, string>, type = TYPE): Promise<Bench> {
  const bench = await Bench.start()
  await bench.createHost('h1', { sealingKey })
  await bench.createFlavor()
  await bench.createImage()
  const resource = bench.api.resource<Secret>(secrets)
  const options = { fieldManager: 'user' }
  await resource.create({ metadata: { name: 's', namespace: 'demo' }, type, data }, options)
  const userData = { k: base64('#!/bin/sh') }
  const ofUserData = {
    metadata: { name: 'u', namespace: 'demo' },
    type: 'compute.kubenova.io/user-data',
    data: userData,
  }
  await resource.create(ofUserData, options)
  return bench
}

const injected = { injectedFrom: { secretRef: { name: 's' } } }
const reasonOf = (bench: Bench) => findCondition(bench.statusOf().conditions, 'Scheduled')

async function openBundle(bench: Bench): Promise<ReturnType<typeof decodeBundle>> {
  const [sent] = bench.api.list<HostSecret>('hostsecrets')
  const server = bench.getServer()?.metadata.uid ?? ''
  const opened = await openSealedUserData(sent?.spec.sealed ?? '', privateKey, { server, isBundle: true })
  return opened && decodeBundle(opened)
}

describe('a server with spec.injectedFrom', () => {
  it('is placed with a HostSecret that has password, files and user data', async () => {
    await using bench = await startWith({
      'admin-password': base64('a1B2'),
      files: base64(JSON.stringify([{ path: '/etc/motd', contents: base64('hello') }])),
    })
    await bench.createServer('web', { ...injected, userDataFrom: { secretKeyRef: { name: 'u', key: 'k' } } })
    await bench.reconcile()
    expect(bench.statusOf()).toMatchObject({ host: 'h1', instance: { hasSecretUserData: true } })
    expect(await openBundle(bench)).toEqual({
      userData: Buffer.from('#!/bin/sh'),
      adminPassword: 'a1B2',
      files: [{ path: '/etc/motd', contents: Buffer.from('hello') }],
    })
    const [sent] = bench.api.list<HostSecret>('hostsecrets')
    const server = bench.getServer()?.metadata.uid ?? ''
    expect(await openSealedUserData(sent?.spec.sealed ?? '', privateKey, { server })).toBeUndefined()
  })

  it.each([
    ['another type', { 'admin-password': 'eA==' }, 'Opaque', 'is not of the type compute.kubenova.io/injected'],
    [
      'files that are no list',
      { files: base64('{}') },
      TYPE,
      'has files that are no list of at most 100 {path, contents}',
    ],
    ['a long password', { 'admin-password': base64('x'.repeat(256)) }, TYPE, 'has a password of more than 255 char'],
    ['too much', { 'admin-password': base64('x'.repeat(65_536)) }, TYPE, 'has more than 65535 bytes'],
  ])('waits when its Secret has %s', async (_what, data, type, message) => {
    await using bench = await startWith(data, type)
    await bench.createServer('web', injected)
    await bench.reconcile()
    expect(reasonOf(bench)).toMatchObject({ status: 'False', reason: 'UserDataSecretInvalid' })
    expect(reasonOf(bench)?.message).toContain(message)
    expect(bench.statusOf().host).toBeUndefined()
  })

  const owner = (uid: string) => ({ apiVersion: 'compute.kubenova.io/v1alpha1', kind: 'Server', name: 'x', uid })
  const setOwners = (bench: Bench, ownerReferences: object[], labels = {}) =>
    bench.api
      .resource<Secret>(secrets)
      .patch({ name: 's', namespace: 'demo' }, { metadata: { ownerReferences, labels } }, { fieldManager: 'user' })

  it.each([
    ['is owned by another server', [owner('another')], {}],
    ['has lost its owners', [], { 'compute.kubenova.io/owners-only': 'true' }],
  ])('waits when its Secret %s', async (_what, owners, labels) => {
    await using bench = await startWith({ 'admin-password': 'eA==' })
    await setOwners(bench, owners, labels)
    await bench.createServer('web', injected)
    await bench.reconcile()
    expect(reasonOf(bench)).toMatchObject({
      reason: 'UserDataSecretInvalid',
      message: 'Secret s belongs to another server: create the Server anew with a Secret of its own',
    })
    expect(bench.api.list('hostsecrets')).toEqual([])
  })

  it('is placed when it is one of several owners of its Secret', async () => {
    await using bench = await startWith({ 'admin-password': 'eA==' })
    await bench.createServer('web', injected)
    await setOwners(bench, [owner('another'), owner(bench.getServer()?.metadata.uid ?? '')], {
      'compute.kubenova.io/owners-only': 'true',
    })
    await bench.reconcile()
    expect(bench.statusOf().host).toBe('h1')
  })

  it('waits when its Secret does not exist', async () => {
    await using bench = await startWith({})
    await bench.createServer('web', { injectedFrom: { secretRef: { name: 'missing' } } })
    await bench.reconcile()
    expect(reasonOf(bench)).toMatchObject({ reason: 'UserDataSecretNotFound' })
  })

  it('is in error when its Secret has been missing for five minutes, and is placed when the Secret comes', async () => {
    await using bench = await startWith({})
    await bench.createServer('web', { injectedFrom: { secretRef: { name: 'late' } } })
    await bench.reconcile()
    await bench.clock.advance(299_000)
    await bench.reconcile()
    expect(bench.statusOf()).toMatchObject({ vmState: 'building', taskState: 'scheduling' })
    await bench.clock.advance(1_000)
    expect(await bench.reconcile()).toMatchObject({ kind: 'wait', for: 'its Secret' })
    expect(bench.statusOf()).toMatchObject({
      vmState: 'error',
      fault: { details: 'UserDataSecretNotFound', message: expect.stringContaining('Secret late does not exist') },
    })
    const late = { metadata: { name: 'late', namespace: 'demo' }, type: TYPE, data: { 'admin-password': 'eA==' } }
    await bench.api.resource<Secret>(secrets).create(late, { fieldManager: 'user' })
    await bench.reconcile()
    expect(bench.statusOf()).toMatchObject({ host: 'h1', vmState: 'building' })
  })
})
