import { MAX_VERSION, MIN_VERSION } from './microversion.ts'

interface ApiVersion {
  id: string
  /** The version in the path. */
  path: string
  status: string
  version: string
  min_version: string
  updated: string
  mediaType: string
}

const versions: readonly ApiVersion[] = [
  {
    id: 'v2.0',
    path: 'v2',
    status: 'DEPRECATED',
    version: '',
    min_version: '',
    updated: '2025-07-04T12:00:00Z',
    mediaType: 'application/vnd.openstack.compute+json;version=2',
  },
  {
    id: 'v2.1',
    path: 'v2.1',
    status: 'CURRENT',
    version: MAX_VERSION,
    min_version: MIN_VERSION,
    updated: '2013-07-23T11:33:21Z',
    mediaType: 'application/vnd.openstack.compute+json;version=2.1',
  },
]

const mediaTypesOf = ({ mediaType }: ApiVersion): object[] => [{ base: 'application/json', type: mediaType }]

/** @param root the address of the service's root */
export const renderVersions = (root: string): object => ({
  versions: versions.map(({ mediaType: _mediaType, path, ...version }) => ({
    ...version,
    links: [{ rel: 'self', href: `${root}/${path}/` }],
  })),
})

/** Undefined if there is no such version. @param path the version in the links */
export function renderVersion(root: string, id: string, path: string): object | undefined {
  const found = versions.find((version) => version.id === id)
  if (!found) return undefined
  const { mediaType: _mediaType, path: _path, ...version } = found
  const links = [
    { rel: 'self', href: `${root}/${path}/` },
    { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' },
  ]
  return { version: { ...version, links, 'media-types': mediaTypesOf(found) } }
}

/** The answer to a path without a version (status 300): the same path below each version. */
export const renderChoices = (root: string, path: string): object => ({
  choices: versions.map((version) => ({
    id: version.id,
    status: version.status,
    links: [{ rel: 'self', href: `${root}/${version.path}${path}` }],
    'media-types': mediaTypesOf(version),
  })),
})
