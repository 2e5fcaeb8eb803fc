import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sealUserData } from '../../actions/sealed-secret.ts'
import { guestOf, UID } from '../../actions/testing.ts'
import { API_VERSION, type HostSecret } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import { publicSealingKey } from '../sealing-key.ts'
import { ensureSecretUserData } from './user-data.ts'

const { privateKey } = generateKeyPairSync('x25519')
const ctx = { signal: new AbortController().signal }
const USER_DATA = '#!/bin/sh\necho correct horse\n'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'user-data-'))
})
afterEach(() => rm(directory, { recursive: true }))

const withUserData = (isFromSecret: boolean) => {
  const guest = guestOf({ userDataFrom: { secretKeyRef: { name: 's', key: 'k' } } })
  return { ...guest, instance: { ...guest.instance, hasSecretUserData: isFromSecret } }
}

async function makeHostSecret(key: KeyObject = privateKey, server = UID): Promise<HostSecret> {
  const sealingKey = publicSealingKey(key)
  const sealed = await sealUserData(Buffer.from(USER_DATA), sealingKey, { server })
  const spec = { host: 'h1', sealingKey, sealed }
  return { apiVersion: API_VERSION, kind: 'HostSecret', metadata: { name: 'web', namespace: 'demo' }, spec }
}

const reply = (answer: HostSecret | number) => ({
  async get(): Promise<HostSecret> {
    if (typeof answer === 'number') throw new ApiError({ request: 'GET web', status: answer })
    return answer
  },
})

async function ensure(answer: HostSecret | number, isFromSecret = true): Promise<string | undefined> {
  const options = { hostSecrets: reply(answer), sealingKey: async () => privateKey }
  const userData = await ensureSecretUserData(withUserData(isFromSecret), directory, ctx, options)
  return userData && Buffer.from(userData).toString()
}

describe('ensureSecretUserData', () => {
  it('asks for nothing when the server has no user data from a Secret', async () => {
    expect(await ensure(500, false)).toBeUndefined()
    expect(await readdir(directory)).toEqual([])
  })

  it('decrypts the user data, and keeps it in a file that only root can read', async () => {
    expect(await ensure(await makeHostSecret())).toBe(USER_DATA)
    const { mode } = await stat(join(directory, 'disk.config.user-data'))
    expect((mode & 0o777).toString(8)).toBe('600')
  })

  it('needs neither the HostSecret nor the API server when it has kept the user data', async () => {
    await ensure(await makeHostSecret())
    expect(await ensure(404)).toBe(USER_DATA)
    expect(await ensure(503)).toBe(USER_DATA)
  })

  it.each<[string, () => Promise<HostSecret> | number, string]>([
    [
      'there is no HostSecret',
      () => 404,
      'the user data from its Secret has not reached this host; the controller sends it again while Secret s exists; if this lasts, create that Secret again, or see that the controller runs',
    ],
    [
      'it is encrypted for a key that the host has lost',
      () => makeHostSecret(generateKeyPairSync('x25519').privateKey),
      'another key of h1, or for another server; the controller sends it again while Secret s exists; if this lasts',
    ],
    ['it is encrypted for another server', () => makeHostSecret(privateKey, 'uid-other'), 'for another server'],
    [
      'the agent may not read HostSecrets',
      () => 403,
      'apply its ClusterRole and its binding (crds/access/agent.yaml) again',
    ],
    ['the API server is down', () => 0, 'could not be read from the API server'],
  ])('throws UserDataNotDelivered, to be tried again, when %s', async (_, answer, message) => {
    const error: unknown = await ensure(await answer()).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ kind: 'Transient', code: 'UserDataNotDelivered' })
    expect(String(error)).toContain(message)
    expect(await readdir(directory)).toEqual([])
  })

  it('throws the reason of the abort when the step is to end early', async () => {
    const aborted = { signal: AbortSignal.abort(new Error('the server is deleted')) }
    const options = { hostSecrets: reply(0), sealingKey: async () => privateKey }
    await expect(ensureSecretUserData(withUserData(true), directory, aborted, options)).rejects.toThrow('is deleted')
  })
})
