import { Agent, createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { type HttpRequestOptions, readBody, sendHttpRequest, targetFromUrl } from './http-request.ts'

async function serve(listener: RequestListener) {
  const server = createServer(listener)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  onTestFinished(() => {
    agent.destroy()
    server.closeAllConnections()
    server.close()
  })
  await promise
  const { port } = server.address() as AddressInfo
  return (options: HttpRequestOptions = {}) =>
    sendHttpRequest(targetFromUrl(new URL(`http://127.0.0.1:${port}/a?b=c`)), { agent, ...options })
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

it('sendHttpRequest sends the length of the body with every method, and reuses the connection', async () => {
  const seen: string[] = []
  const sockets = new Set<unknown>()
  const ask = await serve((request, response) => {
    sockets.add(request.socket)
    request.on('data', (chunk: Buffer) => {
      seen.push(`${request.method} ${request.url} ${request.headers['content-length']} ${chunk.toString()}`)
    })
    request.on('end', () => response.end('ü'.repeat(70_000)))
  })
  for (const method of ['DELETE', 'POST', 'DELETE', 'PATCH'])
    expect(await readBody(await ask({ method, body: '"ü"' }))).toBe('ü'.repeat(70_000))
  expect(seen).toEqual(['DELETE', 'POST', 'DELETE', 'PATCH'].map((method) => `${method} /a?b=c 4 "ü"`))
  expect(sockets.size).toBe(1)
})

it('sendHttpRequest rejects with the error of mayWrite and sends nothing', async () => {
  let asked = 0
  const ask = await serve((_, response) => {
    asked += 1
    response.end()
  })
  await readBody(await ask())
  const may = failure(ask({ method: 'POST', body: '{}', mayWrite: () => expect.fail('it may not') }))
  expect(await may).toMatchObject({ message: 'it may not' })
  expect(asked).toBe(1)
  expect((await ask({ method: 'POST', body: '{}', mayWrite: () => undefined })).statusCode).toBe(200)
})

it('sendHttpRequest rejects with the reason of its signal before it starts, while it waits and while the body is read', async () => {
  const ask = await serve((request, response) => {
    if (request.method === 'GET') response.write('some')
  })
  const aborted = (options: HttpRequestOptions, when: (stop: () => void) => Promise<unknown>): Promise<unknown> => {
    const stop = new AbortController()
    const end = (): void => stop.abort(new Error('enough'))
    if (options.method === 'PUT') end()
    const answer = ask({ ...options, signal: stop.signal })
    return failure(Promise.all([answer.then((a) => a.once('data', end)).then(readBody), when(end)]))
  }
  const never = async (): Promise<void> => undefined
  expect(await aborted({ method: 'PUT' }, never)).toMatchObject({ message: 'enough' })
  expect(await aborted({ method: 'POST' }, async (end) => setImmediate(end))).toMatchObject({ message: 'enough' })
  expect(await aborted({ method: 'GET' }, never)).toMatchObject({ message: 'enough' })
})

it('sendHttpRequest rejects with ETIMEDOUT when the headers or the next chunk do not come in time', async () => {
  const ask = await serve((request, response) => {
    if (request.method === 'GET') response.write('some')
  })
  expect(await failure(ask({ method: 'POST', headersMs: 30 }))).toMatchObject({ code: 'ETIMEDOUT' })
  expect(await failure(ask({ idleMs: 30, headersMs: 5000 }).then(readBody))).toMatchObject({ code: 'ETIMEDOUT' })
})

it('readBody rejects when the connection is cut inside the body', async () => {
  const ask = await serve((_, response) => {
    response.writeHead(200, { 'content-length': 100 })
    response.write('some', () => response.destroy())
  })
  expect(await failure(ask().then(readBody))).toMatchObject({
    code: 'ECONNRESET',
    message: 'the connection was cut in the middle of the answer',
  })
})
