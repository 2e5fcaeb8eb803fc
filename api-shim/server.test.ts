import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { TestShim } from './testing.ts'

/** Asks for the versions of the Compute API on the connection of `agent`. */
function askVersions(port: number, agent: Agent): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const sent = httpRequest({ host: '127.0.0.1', port, path: '/compute', agent }, (answer) => {
    answer.resume().once('end', () => resolve(answer))
  })
  sent.once('error', reject).end()
  return promise
}

it('createServer answers on a connection that is open when it begins to close, and then ends the connection', async () => {
  const shim = new TestShim()
  let release = (): void => undefined
  const blocked = new Promise<void>((resolve) => (release = resolve))
  shim.app.addHook('preClose', () => blocked)
  await shim.start()
  await shim.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = shim.app.server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  expect((await askVersions(port, agent)).headers.connection).toBe('keep-alive')
  const closed = shim.app.close()
  const last = await askVersions(port, agent)
  expect([last.statusCode, last.headers.connection]).toEqual([200, 'close'])
  agent.destroy()
  release()
  await closed
})
