import { afterEach, expect, it, vi } from 'vitest'
import type { HostSecret, Server } from '../../crds/index.ts'
import { victimsOf } from '../rig/kills.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { findLeaks, formsOf } from './leaks.ts'
import { conditionOf, withCloud } from './user.ts'

// Some tests boot a guest twice. On a busy machine that emulates the CPU, this takes minutes, so the timeout is long.
vi.setConfig({ testTimeout: 400_000 })

const user = withCloud()

const services = ['controller', 'agent-h1']

const TYPE = 'compute.kubenova.io/user-data'
const scriptSaying = (word: string): string => `#!/bin/sh\necho "user data says ${word}"\n`
const fromSecret = (more: object = {}) => ({ userDataFrom: { secretKeyRef: { name: 's', key: 'k', ...more } } })

const createSecret = (script: string, type = TYPE) =>
  user().kubectl('create', 'secret', 'generic', 's', `--type=${type}`, `--from-literal=k=${script}`)
const deleteSecret = () => user().kubectl('delete', 'secret', 's', '--ignore-not-found')
afterEach(deleteSecret)

const waitForScheduledReason = (name: string, reason: string): Promise<Server> =>
  user().waitForServer(name, reason, (server) => conditionOf(server, 'Scheduled')?.reason === reason)

const waitUntilWithdrawn = () =>
  waitUntil(async () => (await user().list<HostSecret>('hostsecrets')).length === 0, { what: 'no HostSecret' })

it.each([0, 1, 2, 3, 4])('the search for leaks finds a value in base64 after %i other bytes', (before) => {
  const text = `${'x'.repeat(before)}user data says first\n`
  const encodings = ['utf8', 'hex', 'base64', 'base64url'] as const
  for (const encoded of encodings.map((encoding) => Buffer.from(text).toString(encoding)))
    expect(formsOf('user data says first').some((form) => encoded.includes(form))).toBe(true)
  expect(formsOf('user data says first').some((form) => 'user data says nothing'.includes(form))).toBe(false)
})

it('a server waits for its Secret, boots with it, and keeps it after restarts without the Secret', async () => {
  await user().createServer('kept', fromSecret())
  const waiting = await waitForScheduledReason('kept', 'UserDataSecretNotFound')
  expect(conditionOf(waiting, 'Scheduled')?.message).toContain('Secret s does not exist; the server waits for it')
  await createSecret(scriptSaying('first'))
  const server = await user().waitUntilReady('kept', 120_000)
  expect(await user().waitForBoot(server)).toMatchObject({ userdata: 'ok' })
  expect(user().consoleOf(server)).toContain('user data says first')
  await waitUntilWithdrawn()
  // The hit in the user's own Secret shows that the search works.
  expect(await findLeaks('user data says first', user(), services)).toEqual(['secrets'])
  await deleteSecret()
  expect(await findLeaks('user data says first', user(), services)).toEqual([])
  await createSecret(scriptSaying('second'))
  const victims = victimsOf(user().cloud)
  for (const { kill, restore } of [victims.agent, victims.controller]) {
    await kill()
    await restore()
  }
  expect((await user().runAction('kept', 'reboot', { type: 'HARD' })).status?.phase).toBe('Succeeded')
  await user().waitForBoot(server, 2)
  expect(user().consoleOf(server)).not.toContain('user data says second')
  expect(user().consoleOf(server).split('user data says first')).toHaveLength(3)
  expect(await user().list<HostSecret>('hostsecrets')).toEqual([])
  await user().delete('kept')
})

it('a server does not get a Secret of another type', async () => {
  await createSecret(scriptSaying('nothing'), 'Opaque')
  await user().createServer('refused', fromSecret())
  const waiting = await waitForScheduledReason('refused', 'UserDataSecretInvalid')
  expect(waiting.status?.host).toBeUndefined()
  await user().delete('refused')
})

it('a server with an optional Secret that does not exist boots without user data', async () => {
  await user().withServer('optional', fromSecret({ optional: true }), async (server) => {
    expect(await user().waitForBoot(server)).toMatchObject({ userdata: 'none' })
  })
})
