/** /os-keypairs for reading. */
import type { KeyPair } from '../../../crds/index.ts'
import { notFound } from '../../http/fault.ts'
import { cutPage, nextLink, pageRequestOf, sortItems } from '../../http/pages.ts'
import { displayNameOf } from '../../state/names.ts'
import { keyPairs } from '../../state/stores.ts'
import { pagination, query, repeated, string } from '../../validation/schema.ts'
import { renderKeyPair } from '../../views/keypairs.ts'
import { defineRoute, type RouteRequest } from '../route.ts'

/** The key pair of the path. Throws a 404 if the caller has none with this name. */
export async function findKeyPair({
  state,
  params,
  caller,
}: Pick<RouteRequest<never>, 'state' | 'params' | 'caller'>): Promise<KeyPair> {
  const name = params['id'] ?? ''
  const pair = (await state.read(keyPairs)).list().find((candidate) => displayNameOf(candidate) === name)
  if (!pair) throw notFound(`Keypair ${name} not found for user ${caller.user.id}`)
  return pair
}

const userId = { user_id: repeated(string()) }

export const keypairsList = defineRoute<null>({
  name: 'keypairs:list',
  method: 'GET',
  path: '/os-keypairs',
  success: 200,
  policy: { rule: 'os_compute_api:os-keypairs:index', role: 'any' },
  query: {
    '2.1': query({}),
    '2.10': query(userId),
    '2.35': query({ ...pagination, ...userId }),
    '2.75': query({ ...pagination, ...userId }, { additionalProperties: false }),
  },
  async handle(request) {
    const { version, links } = request
    const all = (await request.state.read(keyPairs)).list()
    const sorted = sortItems(all, [{ valueOf: displayNameOf, descending: false }])
    const render = (pair: KeyPair): object => ({ keypair: renderKeyPair(pair, version) })
    if (version < 35) return { body: { keypairs: sorted.map(render) } }
    const page = cutPage(sorted, pageRequestOf(request.query), displayNameOf)
    return {
      body: {
        keypairs: page.items.map(render),
        ...nextLink('keypairs', page, links.self('os-keypairs'), request.query),
      },
    }
  },
})

export const keypairsShow = defineRoute<null>({
  name: 'keypairs:show',
  method: 'GET',
  path: '/os-keypairs/{id}',
  success: 200,
  policy: { rule: 'os_compute_api:os-keypairs:show', role: 'any' },
  query: { '2.1': query({}), '2.10': query(userId), '2.75': query(userId, { additionalProperties: false }) },
  async handle(request) {
    const pair = await findKeyPair(request)
    return {
      body: {
        keypair: {
          ...renderKeyPair(pair, request.version),
          user_id: request.caller.user.id,
          created_at: `${(pair.metadata.creationTimestamp ?? '').slice(0, 19)}.000000`,
          deleted: false,
          deleted_at: null,
          updated_at: null,
          id: 1,
        },
      },
    }
  },
})
