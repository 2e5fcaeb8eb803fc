/** The version documents of identity, image and network. They need no token. Pure. */

export interface ServiceDocument {
  path: string
  status: number
  /** @param address the address of the shim */
  render(address: string): object
}

const identityVersion = (address: string): object => ({
  id: 'v3.14',
  status: 'stable',
  updated: '2020-04-07T00:00:00Z',
  links: [{ rel: 'self', href: `${address}/identity/v3/` }],
  'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
})

const networkVersion = (address: string): object => ({
  id: 'v2.0',
  status: 'CURRENT',
  links: [{ rel: 'self', href: `${address}/network/v2.0/` }],
})

export const serviceDocuments: readonly ServiceDocument[] = [
  { path: '/identity', status: 300, render: (address) => ({ versions: { values: [identityVersion(address)] } }) },
  { path: '/identity/v3', status: 200, render: (address) => ({ version: identityVersion(address) }) },
  {
    path: '/image',
    status: 300,
    render: (address) => ({
      versions: [{ id: 'v2.9', status: 'CURRENT', links: [{ rel: 'self', href: `${address}/image/v2/` }] }],
    }),
  },
  { path: '/network', status: 200, render: (address) => ({ versions: [networkVersion(address)] }) },
  {
    path: '/network/v2.0',
    status: 200,
    render: (address) => ({
      resources: ['networks', 'subnets', 'ports', 'security-groups'].map((collection) => ({
        name: collection.replace(/s$/, ''),
        collection,
        links: [{ rel: 'self', href: `${address}/network/v2.0/${collection}` }],
      })),
    }),
  },
]
