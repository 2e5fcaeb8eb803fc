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

/** If the API server accepts the write, the message is a text that no test expects. */
async function rejectionMessage(write: Promise<unknown>): Promise<string> {
  try {
    await write
  } catch (error) {
    const text = error instanceof Error ? error.message : ''
    return (JSON.parse(text.slice(text.indexOf('{'))) as { message: string }).message
  }
  return 'nothing: the write was accepted'
}

/**
 * Some entries of the tables in crds/testdata/bad have a valid object in the field `before`, which a test replaces by
 * the bad one.
 */
function validObject(kind: string): Manifest {
  const found = badObjects.find(({ object, before }) => object.kind === kind && before)?.before
  if (!found) throw new Error(`no table of ${kind}`)
  return found
}

/**
 * Replaces the object with a PUT, as `kubectl replace` and most client libraries do, and returns the API server's
 * rejection.
 */
async function replaceObject(before: Manifest, object: Manifest): Promise<string> {
  const path = collectionPath(object)
  const { metadata } = await plane().api.send<Manifest>('POST', path, before)
  try {
    return await rejectionMessage(
      plane().api.send('PUT', `${path}/${metadata.name}?${options}`, { ...object, metadata }),
    )
  } finally {
    await plane().api.send('DELETE', `${path}/${metadata.name}`)
  }
}

function createObject(object: Manifest, text: string | undefined): Promise<unknown> {
  const path = `${collectionPath(object)}?${options}`
  return text === undefined
    ? plane().api.send('POST', path, object)
    : plane().api.send('POST', path, text, 'application/yaml')
}

it.each(badObjects)('the API server rejects $title', async ({ before, object, text, message }) => {
  const answer = before ? await replaceObject(before, object) : await rejectionMessage(createObject(object, text))
  expect(answer).toContain(message)
})

// The cost of the CEL rules depends on the addresses. Even for the most expensive Network it must stay below the API
// server's limit.
it.each(['2001:db8::/64', '2000::/8'])('the API server accepts the largest Network of %s', async (cidr) => {
  const address = (n: number): string => `2001:0db8:0000:0000:0000:0000:0000:${n.toString(16).padStart(4, '0')}`
  const pools = Array.from({ length: 16 }, (_, i) => ({ start: address(256 + i * 16), end: address(271 + i * 16) }))
  const dnsServers = Array.from({ length: 8 }, (_, i) => address(512 + i))
  const hostRoutes = Array.from({ length: 32 }, (_, i) => ({
    destination: `fd00:0000:0000:${i.toString(16).padStart(4, '0')}:0000:0000:0000:0000/64`,
    nextHop: address(1024 + i),
  }))
  const routers = { gateway: address(1), dhcpAddress: address(2), dnsServers, hostRoutes }
  const subnet = { cidr, ...routers, dhcp: cidr.endsWith('/64'), pools }
  const object = { ...validObject('Network'), spec: { subnets: [subnet] } }
  await expect(createObject(object, undefined)).resolves.toBeDefined()
})

it.each([
  ['a link-local gateway of IPv6', { cidr: '2001:db8:50::/64', gateway: 'fe80::1' }],
  ['one address with a link-local gateway', { cidr: '203.0.113.7/32', gateway: '169.254.0.1' }],
  ['one address with a gateway anywhere', { cidr: '203.0.113.7/32', gateway: '172.31.1.1' }],
  ['one address of IPv6', { cidr: '2001:db8::7/128', gateway: 'fe80::1', dhcp: false }],
  ['a range with a link-local gateway', { cidr: '203.0.113.16/28', gateway: '169.254.0.1' }],
  ['a range with a gateway on link', { cidr: '203.0.113.16/28', gateway: '192.0.2.254', onLink: true }],
  ['a range of IPv6 with a gateway on link', { cidr: '2001:db8:50::/64', gateway: '2001:db8::ff', onLink: true }],
  ['a point-to-point range', { cidr: '203.0.113.6/31', gateway: '203.0.113.6' }],
  ['a link-local DHCP address', { cidr: '203.0.113.16/28', dhcpAddress: '169.254.0.9' }],
  [
    'a route by a gateway outside',
    {
      cidr: '203.0.113.7/32',
      gateway: '10.0.0.1',
      hostRoutes: [{ destination: '10.0.0.0/16', nextHop: '10.0.0.1' }],
    },
  ],
  [
    'a route by a link-local router',
    {
      cidr: '10.0.0.0/24',
      hostRoutes: [{ destination: '10.8.0.0/16', nextHop: '169.254.0.1' }],
    },
  ],
  [
    'a default route instead of a gateway',
    {
      cidr: '10.0.0.0/24',
      hostRoutes: [{ destination: '0.0.0.0/0', nextHop: '10.0.0.1' }],
    },
  ],
  [
    'routes to both halves of everything',
    {
      cidr: '10.0.0.0/24',
      gateway: '10.0.0.1',
      hostRoutes: [
        { destination: '0.0.0.0/1', nextHop: '10.0.0.2' },
        { destination: '128.0.0.0/1', nextHop: '10.0.0.2' },
      ],
    },
  ],
  ['the gateway as resolver', { cidr: '10.0.0.0/24', gateway: '10.0.0.1', dnsServers: ['10.0.0.1'] }],
])('the API server accepts a subnet with %s', async (_, subnet) => {
  const object = { ...validObject('Network'), spec: { subnets: [subnet] } }
  await expect(createObject(object, undefined)).resolves.toBeDefined()
})

it('the API server does not repeat a private key in its answer', async () => {
  const publicKey = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n'
  const object = { ...validObject('KeyPair'), spec: { type: 'x509', publicKey } }
  expect(await rejectionMessage(createObject(object, undefined))).not.toContain('c2VjcmV0')
})

it.each([
  'https://me:s3cr3t@images.example.org/a',
  'https://me:s3cr3t@images.example.org/größe',
  'https://me:s3cr3t@images.example.org:99999/a b',
  'https://me:s3/cr3t@images.example.org/a',
  'https:me:s3cr3t@images_host/a',
  'me:s3cr3t@images.example.org/a',
])('the API server does not repeat the password of the URL in its answer to an Image with %s', async (url) => {
  const image = validObject('Image')
  const created = await rejectionMessage(createObject({ ...image, spec: { url } }, undefined))
  const replaced = await replaceObject(image, { ...image, spec: { url, checksum: `sha256:${'0'.repeat(64)}` } })
  // `format` already violates the schema, so the API server does not get as far as the rules on the URL.
  const misformatted = await rejectionMessage(createObject({ ...image, spec: { url, format: 'iso' } }, undefined))
  for (const answer of [created, replaced]) expect(answer).toContain('spec.url must')
  for (const answer of [created, replaced, misformatted]) expect(answer).not.toMatch(/s3\/?cr3t/)
})

// Most client libraries do not request strict field validation.
it('the API server drops unknown fields when the client does not request strict validation', async () => {
  const object = validObject('Server')
  const path = `${collectionPath(object)}?dryRun=All`
  const withTypo = { ...object, spec: { ...object.spec, flavour: 'big' } }
  const accepted = await plane().api.send<Manifest>('POST', path, withTypo)
  expect(accepted.spec).toMatchObject(object.spec)
  expect(accepted.spec).not.toHaveProperty('flavour')
})

it('the API server rejects an object that is too large for etcd', async () => {
  const object = validObject('Server')
  const metadata = { ...object.metadata, annotations: { a: 'x'.repeat(300_000) } }
  expect(await rejectionMessage(createObject({ ...object, metadata }, undefined))).toContain(
    'may not be more than 262144 bytes',
  )
  const large = { ...object, spec: { ...object.spec, userData: 'x'.repeat(4_000_000) } }
  expect(await rejectionMessage(createObject(large, undefined))).toContain('limit')
})
