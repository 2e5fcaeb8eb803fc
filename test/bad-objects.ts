// Each row in crds/testdata/bad describes an object that the API server must reject for one reason.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { API_VERSION } from '../crds/index.ts'
import { type Manifest, root } from './manifests.ts'

interface Row {
  /** The mistake, such as "a size said twice": the title of the test. */
  is: string
  by: 'schema' | 'rule' | 'text' | 'meta'
  says: string
  with?: object
  metadata?: object
  /** The spec as YAML text, for mistakes that do not survive parsing, such as a duplicate key. */
  text?: string
  from?: object
  to?: object
  status?: object
  /** True: an object with `status` exists, and the write replaces it by an object without a status. */
  replace?: boolean
}

export interface BadObject {
  title: string
  by: Row['by']
  /** Text that the API server's error message must contain. */
  message: string
  /** Undefined: the write is a create. */
  before?: Manifest
  object: Manifest
  /** If set, the test sends this YAML text instead of `object`. */
  text?: string
}

interface Table {
  kind: string
  valid: Record<string, unknown>
  bad: Row[]
}

/** Applies a JSON merge patch (RFC 7396). */
function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const result: Record<string, unknown> = typeof target === 'object' ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else result[key] = applyMergePatch(result[key], value)
  }
  return result
}

function toBadObjects({ kind, valid, bad }: Table): BadObject[] {
  return bad.map((row, i) => {
    const base = { apiVersion: API_VERSION, kind, metadata: { name: `bad-${i}`, ...row.metadata } }
    const initialSpec = applyMergePatch(valid, row.from ?? {}) as Manifest['spec']
    const isChange = row.to !== undefined || row.replace === true
    const status = row.status ? { status: row.status } : {}
    return {
      title: `${kind}: ${row.is}`,
      by: row.by,
      message: row.says,
      ...(isChange ? { before: { ...base, spec: initialSpec, ...status } } : {}),
      object: {
        ...base,
        spec: applyMergePatch(initialSpec, row.to ?? row.with ?? {}) as Manifest['spec'],
        ...(isChange ? {} : status),
      },
      ...(row.text === undefined ? {} : { text: `${JSON.stringify(base).slice(0, -1)}, "spec": ${row.text.trim()}}` }),
    }
  })
}

const folder = join(root, 'crds/testdata/bad')

export const badObjects: readonly BadObject[] = globSync('*.yaml', { cwd: folder })
  .toSorted((a, b) => a.localeCompare(b))
  .flatMap((file) => toBadObjects(parse(readFileSync(join(folder, file), 'utf8')) as Table))
