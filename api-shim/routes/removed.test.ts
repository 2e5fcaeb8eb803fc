import { afterAll, beforeAll, expect, it } from 'vitest'
import { TestShim } from '../testing.ts'

let shim: TestShim
beforeAll(async () => {
  shim = await new TestShim().start()
})
afterAll(() => shim[Symbol.asyncDispose]())

const PATH = '/compute/v2.1/os-volumes_boot'

it('os-volumes_boot has the routes of servers until 2.102', async () => {
  expect(await shim.ask('GET', PATH, { version: '2.102' })).toMatchObject({ status: 200, body: { servers: [] } })
  expect((await shim.ask('GET', `${PATH}/detail`)).body).toEqual({ servers: [] })
  expect((await shim.ask('POST', PATH, { body: {} })).body).toMatchObject({
    badRequest: { message: "'server' is a required property" },
  })
  expect((await shim.ask('GET', PATH, { version: '2.103' })).status).toBe(404)
})

it('os-baremetal-nodes refuses changes until 2.35 and names the command of Ironic', async () => {
  const path = '/compute/v2.1/os-baremetal-nodes'
  const remove = (version: string) => shim.ask('DELETE', `${path}/x`, { version })
  expect(await remove('2.35')).toMatchObject({
    status: 400,
    body: {
      badRequest: { message: 'Command not supported. Please use Ironic command node-delete to perform this action.' },
    },
  })
  expect((await remove('2.36')).status).toBe(404)
})

it('os-getRDPConsole answers 400 until 2.5', async () => {
  const ask = (version: string) =>
    shim.ask<{ badRequest: { message: string } }>('POST', '/compute/v2.1/servers/x/action', {
      version,
      body: { 'os-getRDPConsole': { type: 'rdp-html5' } },
    })
  expect((await ask('2.5')).body.badRequest.message).toBe(
    'The server could not comply with the request since it is either malformed or otherwise incorrect.',
  )
  expect((await ask('2.6')).status).toBe(404)
})
