/**
 * Nova's names are free text, Kubernetes names are DNS subdomains. A name that is not a DNS subdomain stands in an
 * annotation, or for servers in the spec.
 */
import { createHash, randomBytes } from 'node:crypto'

interface Named {
  metadata: { name?: string | undefined; annotations?: Record<string, string> | undefined }
}

export const DISPLAY_NAME = 'compute.kubenova.io/display-name'

/** The name that clients of the OpenStack APIs see. */
export const displayNameOf = ({ metadata }: Named): string =>
  metadata.annotations?.[DISPLAY_NAME] ?? metadata.name ?? ''

const MAX_LENGTH = 50

/** A new, unique Kubernetes name that resembles the display name: `web-server-1f3a9c0b2d`. */
export function newNameFor(displayName: string, suffix = randomBytes(5).toString('hex')): string {
  const base = displayName
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_LENGTH)
    .replaceAll(/^-+|-+$/g, '')
  return `${base || 'x'}-${suffix}`
}

/** A suffix for a name that two replicas must choose alike. */
export const suffixFrom = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 10)

export const isKubernetesName = (text: string): boolean =>
  text.length <= 253 && /^[a-z0-9]+((-+|\.)[a-z0-9]+)*$/.test(text)
