import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { decryptAnswer, encryptQuestion, type HostQuestion, newReplyKey } from '../actions/host-question.ts'
import { createQuestionPage } from './questions.ts'
import { publicSealingKey } from './sealing-key.ts'

const { privateKey } = generateKeyPairSync('x25519')
const dir = mkdtempSync(join(tmpdir(), 'kubenova-questions-'))
afterAll(() => rmSync(dir, { recursive: true }))
const consoleLog = join(dir, 'console.log')
writeFileSync(consoleLog, 'one\ntwo\n')

let now = 0
let reviews = 0

const page = createQuestionPage({
  now: () => now,
  sealingKey: async () => privateKey,
  isShim: async (token) => {
    reviews += 1
    return token.startsWith('good')
  },
  findServer: (uid) => (uid === 'elsewhere' ? undefined : { uid, uuid: uid, consoleLog }),
  statisticsOf: async ({ uid }) => (uid === 'off' ? undefined : { 'block.count': 1 }),
})

async function ask(ask: HostQuestion['ask'], server: string, token = 'good', address = '192.0.2.1') {
  const { privateKey: key, replyKey } = newReplyKey()
  const text = await encryptQuestion({ ask, server, token, replyKey }, publicSealingKey(privateKey))
  const { status, body } = await page(text, address)
  return status === 200 ? decryptAnswer(body, key, server) : { status, body }
}

describe('createQuestionPage', () => {
  it('answers with the output of the console', async () => {
    expect(await ask('console-output', 'a')).toEqual({ output: 'one\ntwo\n' })
  })

  it('answers with the statistics of a domain, unless it is off', async () => {
    expect(await ask('statistics', 'a')).toEqual({ statistics: { 'block.count': 1 } })
    expect(await ask('statistics', 'off')).toEqual({ missing: 'domain' })
  })

  it('knows only the servers of the host', async () => {
    expect(await ask('console-output', 'elsewhere')).toEqual({ missing: 'server' })
  })

  it('gives no answer to a token that is not of the shim', async () => {
    expect(await ask('console-output', 'a', 'stolen')).toEqual({ status: 403, body: 'only the API shim may ask' })
  })

  it.each(['', 'x', '{"ask":"console-output"}'])('gives no answer to %j', async (body) => {
    expect(await page(body, '192.0.2.2')).toEqual({ status: 400, body: 'this is no question for this host' })
  })

  it('gives no answer to a question for another host', async () => {
    const { publicKey } = generateKeyPairSync('x25519')
    const { x = '' } = publicKey.export({ format: 'jwk' })
    const { replyKey } = newReplyKey()
    const text = await encryptQuestion({ ask: 'statistics', server: 'a', token: 'good', replyKey }, x)
    expect((await page(text, '192.0.2.1')).status).toBe(400)
  })

  it('encrypts the answer for one question and one server', async () => {
    const { privateKey: key, replyKey } = newReplyKey()
    const question = { ask: 'console-output', server: 'a', token: 'good', replyKey } as const
    const { body } = await page(await encryptQuestion(question, publicSealingKey(privateKey)), '192.0.2.1')
    expect(body).not.toContain('two')
    expect(await decryptAnswer(body, newReplyKey().privateKey, 'a')).toBeUndefined()
    expect(await decryptAnswer(body, key, 'b')).toBeUndefined()
  })

  it('does not stop those who have a valid token while others flood it', async () => {
    const flooder = '192.0.2.9'
    await ask('console-output', 'a', 'good-1', flooder)
    reviews = 0
    const statuses = new Map<number, number>()
    for (let i = 0; i < 100; i++) {
      const { status } = (await ask('console-output', 'a', `bad-${i}`, flooder)) as { status: number }
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
    expect([...statuses]).toEqual([
      [403, 19],
      [429, 81],
    ])
    expect(reviews).toBe(19)
    expect(await ask('console-output', 'a', 'good-1', flooder)).toEqual({ output: 'one\ntwo\n' })
    expect(await ask('console-output', 'a', 'good-2', '192.0.2.3')).toEqual({ output: 'one\ntwo\n' })
    now += 1_000
    expect(await ask('console-output', 'a', 'bad', flooder)).toMatchObject({ status: 403 })
  })

  it('does not even read a question of a sender who has no valid token and too many questions', async () => {
    for (let i = 0; i < 20; i++) expect((await page('x', '192.0.2.8')).status).toBe(400)
    expect((await page('x', '192.0.2.8')).status).toBe(429)
    expect(await ask('console-output', 'a', 'good-3', '192.0.2.8')).toMatchObject({ status: 429 })
    now += 1_000
    expect(await ask('console-output', 'a', 'good-3', '192.0.2.8')).toEqual({ output: 'one\ntwo\n' })
  })

  it('reviews a token again after half a minute', async () => {
    reviews = 0
    for (const wait of [0, 29_999, 1]) {
      now += wait
      await ask('console-output', 'a', 'good-4')
    }
    expect(reviews).toBe(2)
  })
})
