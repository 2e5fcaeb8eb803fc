import { afterAll, beforeAll, expect, it } from 'vitest'
import { createServer } from '../../../test/conformance/servers.ts'
import { createStand, type Stand } from '../../../test/conformance/stand.ts'

let stand: Stand
beforeAll(async () => {
  stand = await createStand()
})
afterAll(() => stand.shim[Symbol.asyncDispose]())

const messageOf = async (id: string, action: string, as: string): Promise<string> => {
  const path = `/compute/v2.1/servers/${id}/action`
  const { body } = await stand.shim.ask<{ itemNotFound: { message: string } }>('POST', path, {
    as,
    body: { [action]: null },
  })
  return body.itemNotFound.message
}

it('os-start and os-stop tell whether another project has the server, as in Nova', async () => {
  const { metadata } = await createServer(stand.shim, 'a')
  const id = metadata.uid ?? ''
  for (const action of ['os-start', 'os-stop']) {
    expect(await messageOf('bogus', action, 'member')).toBe('Instance bogus has no mapping to a cell.')
    expect(await messageOf(id, action, 'other-project')).toBe(`Instance ${id} could not be found.`)
  }
  expect(await messageOf('bogus', 'pause', 'member')).toBe('Instance bogus could not be found.')
})

it('rebuild refuses an image that is not active', async () => {
  const { metadata } = await createServer(stand.shim, 'b')
  const id = stand.names.get('image:queued')
  const path = `/compute/v2.1/servers/${metadata.uid}/action`
  const { body } = await stand.shim.ask('POST', path, { body: { rebuild: { imageRef: id } } })
  expect(body).toMatchObject({ badRequest: { message: `Image ${id} is not active.` } })
})
