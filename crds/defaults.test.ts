// GitOps tools compare an item of a list as a whole with the item in git, so a default inside an item shows as a
// difference.
import { expect, it } from 'vitest'
import { toStructuralSchema } from '../hack/generate/crd.ts'
import { kinds } from '../hack/generate/kinds.ts'

interface Schema {
  default?: unknown
  properties?: Record<string, Schema>
  items?: Schema
  additionalProperties?: Schema
}

function defaultsInItems(
  { properties = {}, items, additionalProperties, ...rest }: Schema,
  path: string,
  inItem = false,
): string[] {
  return [
    ...(inItem && 'default' in rest ? [path] : []),
    ...Object.entries(properties).flatMap(([name, field]) => defaultsInItems(field, `${path}.${name}`, inItem)),
    ...(items ? defaultsInItems(items, `${path}[]`, true) : []),
    ...(additionalProperties ? defaultsInItems(additionalProperties, `${path}{}`, true) : []),
  ]
}

it.each(kinds.map((kind) => [kind.kind, kind] as const))('%s has no default within the items of a list', (_, kind) => {
  expect(defaultsInItems(toStructuralSchema(kind.spec as never, 'spec') as Schema, 'spec')).toEqual([])
})

it('a default within the items of a list is found', () => {
  const subnet = { properties: { dhcp: { default: true }, cidr: {} } }
  expect(defaultsInItems({ properties: { subnets: { default: [], items: subnet } } }, 'spec')).toEqual([
    'spec.subnets[].dhcp',
  ])
})
