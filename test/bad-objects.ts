// The tables of crds/testdata/bad as objects: each is refused for one reason, and the reason is known.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { API_VERSION } from '../crds/index.ts'
import { type Manifest, root } from './manifests.ts'

interface Row {
  is: string
  by: 'schema' | 'rule' | 'text' | 'meta'
  says: string
  with?: object
  metadata?: object
  /** The whole spec as text, for what is lost when YAML is read and written as JSON. */
  text?: string
  from?: object
  to?: object
  status?: object
  /** Replaces the object by one without its status. */
  replace?: boolean
}

export interface Bad {
  title: string
  by: Row['by']
  says: string
  /** The object that exists before. Undefined: the bad object is created. */
  before?: Manifest
  object: Manifest
  /** The object as its user wrote it, in YAML. */
  text?: string
}

interface Table {
  kind: string
  valid: Record<string, unknown>
  bad: Row[]
}

/** RFC 7396. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const result: Record<string, unknown> = typeof target === 'object' ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else result[key] = merge(result[key], value)
  }
  return result
}

function read({ kind, valid, bad }: Table): Bad[] {
  return bad.map((row, i) => {
    const base = { apiVersion: API_VERSION, kind, metadata: { name: `bad-${i}`, ...row.metadata } }
    const first = merge(valid, row.from ?? {}) as Manifest['spec']
    const isChange = row.to !== undefined || row.replace === true
    const status = row.status ? { status: row.status } : {}
    return {
      title: `${kind}: ${row.is}`,
      by: row.by,
      says: row.says,
      ...(isChange ? { before: { ...base, spec: first, ...status } } : {}),
      object: {
        ...base,
        spec: merge(first, row.to ?? row.with ?? {}) as Manifest['spec'],
        ...(isChange ? {} : status),
      },
      ...(row.text === undefined ? {} : { text: `${JSON.stringify(base).slice(0, -1)}, "spec": ${row.text.trim()}}` }),
    }
  })
}

const folder = join(root, 'crds/testdata/bad')

export const badObjects: readonly Bad[] = globSync('*.yaml', { cwd: folder })
  .toSorted((a, b) => a.localeCompare(b))
  .flatMap((file) => read(parse(readFileSync(join(folder, file), 'utf8')) as Table))
