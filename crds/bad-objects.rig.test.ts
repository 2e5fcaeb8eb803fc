import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { badObjects } from '../test/bad-objects.ts'
import { collectionPath, type Manifest, root } from '../test/manifests.ts'
import { applyManifests } from '../test/rig/crds.ts'
import { withControlPlane } from '../test/rig/vitest.ts'

const plane = withControlPlane()

beforeAll(async () => {
  await applyManifests(plane().api, join(root, 'crds/manifests'))
})

const options = 'dryRun=All&fieldValidation=Strict'

/** The message with which the API server refuses the object. Fails the test if it accepts it. */
async function refusal(write: Promise<unknown>): Promise<string> {
  try {
    await write
  } catch (error) {
    const text = error instanceof Error ? error.message : ''
    return (JSON.parse(text.slice(text.indexOf('{'))) as { message: string }).message
  }
  return 'nothing: it was taken'
}

/** The first good object of that kind in the tables. */
function example(kind: string): Manifest {
  const found = badObjects.find(({ object, before }) => object.kind === kind && before)?.before
  if (!found) throw new Error(`no table of ${kind}`)
  return found
}

/** A replace, as `kubectl replace` and most client libraries do it. */
async function replaced(before: Manifest, object: Manifest): Promise<string> {
  const path = collectionPath(object)
  const { metadata } = await plane().api.send<Manifest>('POST', path, before)
  try {
    return await refusal(plane().api.send('PUT', `${path}/${metadata.name}?${options}`, { ...object, metadata }))
  } finally {
    await plane().api.send('DELETE', `${path}/${metadata.name}`)
  }
}

function created(object: Manifest, text: string | undefined): Promise<unknown> {
  const path = `${collectionPath(object)}?${options}`
  return text === undefined
    ? plane().api.send('POST', path, object)
    : plane().api.send('POST', path, text, 'application/yaml')
}

it.each(badObjects)('refuses $title', async ({ before, object, text, says }) => {
  const said = before ? await replaced(before, object) : await refusal(created(object, text))
  expect(said).toContain(says)
})

// The cost of the IPv6 rules depends on the addresses. It must never exceed the limit of the API server.
it.each(['2001:db8::/64', '2000::/8'])('takes the largest Network of %s', async (cidr) => {
  const address = (n: number): string => `2001:0db8:0000:0000:0000:0000:0000:${n.toString(16).padStart(4, '0')}`
  const pools = Array.from({ length: 16 }, (_, i) => ({ start: address(256 + i * 16), end: address(271 + i * 16) }))
  const subnet = { cidr, gateway: address(1), dhcpAddress: address(2), dhcp: cidr.endsWith('/64'), pools }
  const object = { ...example('Network'), spec: { subnets: [subnet] } }
  await expect(created(object, undefined)).resolves.toBeDefined()
})

it('does not repeat a private key in its answer', async () => {
  const publicKey = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n'
  const object = { ...example('KeyPair'), spec: { type: 'x509', publicKey } }
  expect(await refusal(created(object, undefined))).not.toContain('c2VjcmV0')
})

// A client that does not ask for strict validation, as most libraries: nothing that is unknown is kept.
it('drops what it does not know for a client that is not strict', async () => {
  const object = example('Server')
  const path = `${collectionPath(object)}?dryRun=All`
  const taken = await plane().api.send<Manifest>('POST', path, { ...object, spec: { ...object.spec, flavour: 'big' } })
  expect(taken.spec).toMatchObject(object.spec)
  expect(taken.spec).not.toHaveProperty('flavour')
})

it('refuses an object that is larger than etcd takes', async () => {
  const object = example('Server')
  const metadata = { ...object.metadata, annotations: { a: 'x'.repeat(300_000) } }
  expect(await refusal(created({ ...object, metadata }, undefined))).toContain('may not be more than 262144 bytes')
  const large = { ...object, spec: { ...object.spec, userData: 'x'.repeat(4_000_000) } }
  expect(await refusal(created(large, undefined))).toContain('limit')
})
