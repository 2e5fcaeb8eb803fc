// YAML of our kinds as tests need it: read from text, and validated as a client would that knows the CRDs alone.

import { globSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv, type ValidateFunction } from 'ajv'
import { parseAllDocuments } from 'yaml'
import { GROUP, type Kind } from '../crds/index.ts'
import { toCustomResourceDefinition } from '../hack/generate/crd.ts'
import { kinds } from '../hack/generate/kinds.ts'

export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; generateName?: string; namespace?: string }
  spec: Record<string, unknown>
}

export const root = join(import.meta.dirname, '..')

/** Every file of examples/, relative to it. */
export const exampleFiles = (): string[] =>
  globSync('**/*.yaml', { cwd: join(root, 'examples') }).toSorted((a, b) => a.localeCompare(b))

/** The objects of a YAML text. Throws where it is not YAML, also for a key that is there twice. */
export function objectsIn(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors
    if (error) throw error
    const object = document.toJS() as Manifest | null
    return object ? [object] : []
  })
}

export const isOurs = ({ apiVersion }: Manifest): boolean => apiVersion?.startsWith(`${GROUP}/`) ?? false

export function kindOf({ kind }: Pick<Manifest, 'kind'>): Kind {
  const found = kinds.find((k) => k.kind === kind)
  if (!found) throw new Error(`${kind} is none of our kinds`)
  return found
}

/** Path of the collection that an object is in. */
export function collectionPath(object: Pick<Manifest, 'kind' | 'metadata'>, namespace = 'default'): string {
  const { scope, plural } = kindOf(object)
  const of = scope === 'Cluster' ? '' : `namespaces/${object.metadata.namespace ?? namespace}/`
  return `/apis/${GROUP}/v1alpha1/${of}${plural}`
}

interface Schema {
  properties?: Record<string, Schema>
  items?: Schema
  additionalProperties?: Schema | boolean
}

interface Definition {
  spec: { versions: [{ schema: { openAPIV3Schema: Schema } }] }
}

/** Unknown fields are an error, as they are for kubectl and for strict field validation. */
function closed(schema: Schema): Schema {
  const { properties, items } = schema
  return {
    ...schema,
    ...(items ? { items: closed(items) } : {}),
    ...(properties
      ? {
          properties: Object.fromEntries(Object.entries(properties).map(([name, s]) => [name, closed(s)])),
          additionalProperties: false,
        }
      : {}),
  }
}

const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
const validators = new Map<string, ValidateFunction>()

/** The errors of an object by the schema alone, without CEL rules and defaults. */
export function schemaProblems(object: Manifest): string[] {
  const k = kindOf(object)
  let validate = validators.get(k.kind)
  if (!validate) {
    const { schema } = (toCustomResourceDefinition(k) as unknown as Definition).spec.versions[0]
    validate = ajv.compile(closed(schema.openAPIV3Schema))
    validators.set(k.kind, validate)
  }
  validate(object)
  return (validate.errors ?? []).map(({ instancePath, message, params }) =>
    [instancePath, message, JSON.stringify(params)].join(' '),
  )
}
