import { expect, it, onTestFinished } from 'vitest'
import type { Flavor } from '../../../crds/index.ts'
import { servers } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

it('finds the servers of a flavor by the ID that clients see', async () => {
  const shim = await new TestShim().start()
  onTestFinished(() => shim[Symbol.asyncDispose]())
  const id = 'Big_One 1'
  const flavor = { id, name: 'big', vcpus: 1, ram: 64, disk: 1 }
  await shim.ask('POST', '/compute/v2.1/flavors', { as: 'admin', body: { flavor } })
  const [created] = shim.api.list<Flavor>('flavors')
  for (const [name, of] of [
    ['big', created?.metadata.name],
    ['other', 'tiny'],
  ])
    await shim.seed(servers.kind, {
      metadata: { name, namespace: 'mine' },
      spec: { flavor: of, image: { name: 'i' }, displayName: name },
    })
  const namesOf = async (wanted: string): Promise<string[]> => {
    const query = new URLSearchParams({ flavor: wanted }).toString()
    const { body } = await shim.ask<{ servers: { name: string }[] }>('GET', `/compute/v2.1/servers?${query}`)
    return body.servers.map(({ name }) => name)
  }
  expect([await namesOf(id), await namesOf('tiny')]).toEqual([['big'], ['other']])
})
