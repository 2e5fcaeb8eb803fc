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

/** Paths relative to examples/. */
export const exampleFiles = (): string[] =>
  globSync('**/*.yaml', { cwd: join(root, 'examples') }).toSorted((a, b) => a.localeCompare(b))

/** Throws if the YAML is invalid or has a duplicate key. */
export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors
    if (error) throw error
    const object = document.toJS() as Manifest | null
    return object ? [object] : []
  })
}

export const isKubenovaObject = ({ apiVersion }: Manifest): boolean => apiVersion?.startsWith(`${GROUP}/`) ?? false

export function kindOf({ kind }: Pick<Manifest, 'kind'>): Kind {
  const found = kinds.find((k) => k.kind === kind)
  if (!found) throw new Error(`${kind} is no kind of Kubenova`)
  return found
}

export function collectionPath(object: Pick<Manifest, 'kind' | 'metadata'>, namespace = 'default'): string {
  const { scope, plural } = kindOf(object)
  const scopePath = scope === 'Cluster' ? '' : `namespaces/${object.metadata.namespace ?? namespace}/`
  return `/apis/${GROUP}/v1alpha1/${scopePath}${plural}`
}

interface Schema {
  properties?: Record<string, Schema>
  items?: Schema
  additionalProperties?: Schema | boolean
}

interface Definition {
  spec: { versions: [{ schema: { openAPIV3Schema: Schema } }] }
}

/** kubectl and strict field validation reject unknown fields, too. */
function rejectUnknownFields(schema: Schema): Schema {
  const { properties, items } = schema
  return {
    ...schema,
    ...(items ? { items: rejectUnknownFields(items) } : {}),
    ...(properties
      ? {
          properties: Object.fromEntries(Object.entries(properties).map(([name, s]) => [name, rejectUnknownFields(s)])),
          additionalProperties: false,
        }
      : {}),
  }
}

const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
const validators = new Map<string, ValidateFunction>()

/** Uses the OpenAPI schema only, without CEL rules and defaults. Returns descriptions of the errors. */
export function findSchemaProblems(object: Manifest): string[] {
  const k = kindOf(object)
  let validate = validators.get(k.kind)
  if (!validate) {
    const { schema } = (toCustomResourceDefinition(k) as unknown as Definition).spec.versions[0]
    validate = ajv.compile(rejectUnknownFields(schema.openAPIV3Schema))
    validators.set(k.kind, validate)
  }
  validate(object)
  return (validate.errors ?? []).map(({ instancePath, message, params }) =>
    [instancePath, message, JSON.stringify(params)].join(' '),
  )
}
