import type { KeyPair } from '../../../crds/index.ts'
import { newBadRequest } from '../../http/fault.ts'
import { cutPage, nextLink, type PageOf, pageRequestOf } from '../../http/pages.ts'
import { displayNameOf } from '../../state/names.ts'
import { keyPairs } from '../../state/stores.ts'
import { renderKeyPair, renderKeyPairDetails } from '../../views/keypairs.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { getKeyPair, keyPairPolicy, keyPairsOf, targetUserOf } from './find.ts'
import { keyPairQuery, listKeyPairsQuery } from './schemas.ts'

const requestedUser = ({ query }: RouteRequest<null>): string | undefined => query['user_id']?.[0]

function pageOf(pairs: readonly KeyPair[], { query }: RouteRequest<null>): PageOf<KeyPair> {
  // In other lists of Nova, an empty marker is none.
  const marker = query['marker']?.at(-1)
  if (marker !== undefined && !pairs.some((pair) => displayNameOf(pair) === marker))
    throw newBadRequest(`Marker ${marker} could not be found.`)
  return cutPage(pairs, pageRequestOf(query), displayNameOf)
}

export const keypairsList = defineRoute<null>({
  name: 'keypairs:list',
  method: 'GET',
  path: '/os-keypairs',
  success: 200,
  policy: keyPairPolicy('index'),
  query: listKeyPairsQuery,
  async handle(request) {
    const { version, links, query } = request
    const pairs = await keyPairsOf(targetUserOf(request, 'index', requestedUser(request)), request)
    const render = (pair: KeyPair): object => ({ keypair: renderKeyPair(pair, version) })
    if (version < 35) return { body: { keypairs: pairs.map(render) } }
    const page = pageOf(pairs, request)
    return {
      body: { keypairs: page.items.map(render), ...nextLink('keypairs', page, links.self('os-keypairs'), query) },
    }
  },
})

export const keypairsShow = defineRoute<null>({
  name: 'keypairs:show',
  method: 'GET',
  path: '/os-keypairs/{id}',
  success: 200,
  policy: keyPairPolicy('show'),
  query: keyPairQuery,
  async handle(request) {
    const userId = targetUserOf(request, 'show', requestedUser(request))
    return { body: { keypair: renderKeyPairDetails(await getKeyPair(userId, request), userId, request.version) } }
  },
})

/** Servers keep their own copy of the public key. */
export const keypairsDelete = defineRoute<null>({
  name: 'keypairs:delete',
  method: 'DELETE',
  path: '/os-keypairs/{id}',
  success: { '2.1': 202, '2.2': 204 },
  policy: keyPairPolicy('delete'),
  query: keyPairQuery,
  async handle(request) {
    const userId = targetUserOf(request, 'delete', requestedUser(request))
    await request.state.write(keyPairs).delete(await getKeyPair(userId, request))
    return {}
  },
})
