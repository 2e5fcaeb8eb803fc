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
let reviewMayEnd: Promise<void> | undefined
const revoked = new Set<string>()

const JWT_HEADER = 'eyJhbGciOiJub25lIn0.'
const tokenUntil = (ms: number): string =>
  `${JWT_HEADER}${Buffer.from(JSON.stringify({ exp: ms / 1000 })).toString('base64url')}.`
const flood = async (address: string): Promise<void> => {
  for (let i = 0; i < 21; i++) await ask('console-output', 'a', `bad-${i}`, address)
}

const page = createQuestionPage({
  now: () => now,
  wall: () => new Date(now),
  sealingKey: async () => privateKey,
  isShim: async (token) => {
    reviews += 1
    if (token.startsWith(JWT_HEADER)) await reviewMayEnd
    return token.startsWith('good') || (token.startsWith(JWT_HEADER) && !revoked.has(token))
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

  it('reviews a token during a flood from the same address until the token expires', async () => {
    const flooder = '192.0.2.10'
    now = 1_000_000
    const token = tokenUntil(1_600_000)
    await ask('console-output', 'a', token, flooder)
    for (const [time, answer, reviewed] of [
      [1_029_999, { output: 'one\ntwo\n' }, 0],
      [1_030_000, { output: 'one\ntwo\n' }, 1],
      [1_599_999, { output: 'one\ntwo\n' }, 1],
      [1_600_000, { status: 429 }, 0],
    ] as const) {
      now = time
      await flood(flooder)
      reviews = 0
      expect([time, await ask('console-output', 'a', token, flooder)]).toMatchObject([time, answer])
      expect([time, reviews]).toEqual([time, reviewed])
    }
  })

  it('makes one review of a known token when many questions have it', async () => {
    now = 2_000_000
    const token = tokenUntil(2_600_000)
    await ask('console-output', 'a', token)
    now += 20_000
    await ask('console-output', 'a', 'good')
    now += 10_000
    reviews = 0
    const { promise, resolve } = Promise.withResolvers<void>()
    reviewMayEnd = promise
    const questions = Array.from({ length: 5 }, () => ask('console-output', 'a', token))
    for (let i = 0; i < 5; i++) await ask('console-output', 'a', 'good')
    resolve()
    const answers = await Promise.all(questions)
    expect(answers).toEqual(Array.from({ length: 5 }, () => ({ output: 'one\ntwo\n' })))
    expect(reviews).toBe(1)
  })

  it('charges for a token that was revoked', async () => {
    const address = '192.0.2.11'
    now = 3_000_000
    const token = tokenUntil(3_600_000)
    await ask('console-output', 'a', token, address)
    revoked.add(token)
    now += 30_000
    expect(await ask('console-output', 'a', token, address)).toMatchObject({ status: 403 })
    await flood(address)
    expect(await ask('console-output', 'a', token, address)).toMatchObject({ status: 429 })
  })

  it('counts all addresses of an IPv6 /64 as one sender', async () => {
    for (let i = 1; i <= 20; i++) expect((await page('x', `2001:db8::${i}`)).status).toBe(400)
    expect((await page('x', '2001:db8::ffff:1:2:3')).status).toBe(429)
    expect((await page('x', '2001:db8:0:1::1')).status).toBe(400)
  })

  it('counts an IPv4 address as one sender, also when it is written as IPv6', async () => {
    for (let i = 1; i <= 20; i++) expect((await page('x', '::ffff:192.0.2.20')).status).toBe(400)
    expect((await page('x', '192.0.2.20')).status).toBe(429)
    expect((await page('x', '::ffff:192.0.2.21')).status).toBe(400)
  })
})
