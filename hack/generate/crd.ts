/**
 * Makes the CustomResourceDefinition of a kind. Throws an error if a structural schema cannot express the kind's
 * schema.
 */
import { GROUP, initialStatusOf, type Kind, MESSAGE_KEY, type Rule, VERSION } from '../../crds/schema.ts'
import { version } from '../../crds/version.ts'
import { VERSION_ANNOTATION } from '../../crds/version-skew.ts'

type Json = { [key: string]: unknown }

const droppedKeywords = new Set(['$id', '$schema', 'readOnly', MESSAGE_KEY])

/** Throws an error with the path of the part that a structural schema cannot express. */
export function toStructuralSchema(schema: Json, path: string): Json {
  if ('anyOf' in schema || 'oneOf' in schema || 'allOf' in schema)
    throw new Error(`${path}: a structural schema has no unions; use Type.Enum, or optional members and a CEL rule`)
  const out: Json = {}
  for (const [key, value] of Object.entries(schema)) {
    if (droppedKeywords.has(key)) continue
    Object.assign(out, key === 'required' ? requiredFields(schema) : convertKeyword(key, value, path))
  }
  if (Array.isArray(schema['enum'])) out['type'] = stringEnumType(schema['enum'], path)
  return typeof schema[MESSAGE_KEY] === 'string' ? patternAsRule(out, schema[MESSAGE_KEY]) : out
}

/** For a broken pattern the API server shows the regular expression; for a broken rule it shows the rule's message. */
function patternAsRule({ pattern, ...schema }: Json, message: string): Json {
  const rest = (schema['x-kubernetes-validations'] ?? []) as Rule[]
  return { ...schema, 'x-kubernetes-validations': [{ rule: `self.matches(r'${String(pattern)}')`, message }, ...rest] }
}

function convertKeyword(key: string, value: unknown, path: string): Json {
  if (key === 'properties') {
    const entries = Object.entries(value as Record<string, Json>)
    return {
      properties: Object.fromEntries(entries.map(([name, s]) => [name, toStructuralSchema(s, `${path}.${name}`)])),
    }
  }
  if (key === 'items') return { items: toStructuralSchema(value as Json, `${path}[]`) }
  if (key === 'patternProperties') {
    const [only, ...rest] = Object.values(value as Record<string, Json>)
    if (!only || rest.length > 0) throw new Error(`${path}: a Record must have string keys of one form`)
    return { additionalProperties: toStructuralSchema(only, `${path}{}`) }
  }
  return { [key]: value }
}

/**
 * The required fields without a default. A client's file may leave out a field with a default, and must still pass a
 * check against the CRD.
 */
function requiredFields(schema: Json): Json {
  const properties = (schema['properties'] ?? {}) as Record<string, Json>
  const names = ((schema['required'] ?? []) as string[]).filter((name) => !('default' in (properties[name] ?? {})))
  return names.length === 0 ? {} : { required: names }
}

function stringEnumType(values: unknown[], path: string): string {
  if (values.every((v) => typeof v === 'string')) return 'string'
  throw new Error(`${path}: only enums of strings`)
}

const metaSchema = { type: 'object' }

function rootSchema(k: Kind): Json {
  const { rules = [] } = k
  return {
    description: k.description,
    type: 'object',
    required: ['spec'],
    ...(rules.length > 0 ? { 'x-kubernetes-validations': rules } : {}),
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: metaSchema,
      spec: toStructuralSchema(k.spec as Json, 'spec'),
      status: { ...toStructuralSchema(k.status as Json, 'status'), default: initialStatusOf(k) },
    },
  }
}

export function toCustomResourceDefinition(k: Kind): Json {
  const selectable = k.selectableFields?.map((jsonPath) => ({ jsonPath }))
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${k.plural}.${GROUP}`,
      labels: { 'app.kubernetes.io/part-of': 'kubenova' },
      annotations: { [VERSION_ANNOTATION]: version },
    },
    spec: {
      group: GROUP,
      names: {
        kind: k.kind,
        listKind: `${k.kind}List`,
        plural: k.plural,
        singular: k.kind.toLowerCase(),
        shortNames: k.shortNames,
        categories: ['kubenova'],
      },
      scope: k.scope,
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: k.statusSubresource === false ? undefined : { status: {} },
          additionalPrinterColumns: k.columns,
          ...(selectable ? { selectableFields: selectable } : {}),
          schema: { openAPIV3Schema: rootSchema(k) },
        },
      ],
    },
  }
}
