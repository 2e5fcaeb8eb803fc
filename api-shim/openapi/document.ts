import { MAX_VERSION, MIN_VERSION } from '../http/microversion.ts'
import { groupRoutes } from '../http/mount.ts'
import { profiles } from '../http/profile.ts'
import type { Route, ServiceName } from '../routes/route.ts'
import { faultResponses, operationOf } from './operations.ts'
import { type Components, copySchema, sharedSchemas } from './schemas.ts'

const info = {
  title: 'OpenStack APIs of Kubenova',
  version: MAX_VERSION,
  description: `The Compute API with microversions ${MIN_VERSION} to ${MAX_VERSION}, and the parts of the identity, image and network APIs that its clients call.
Below /compute/v2.1 a project ID may precede the path, and /compute/v2 has the same paths at microversion 2.1, with bodies whose unknown members are dropped.
x-openstack has the microversions of a schema or of a parameter, as min-ver and max-ver. x-routes has those of a route, its policy and its role.`,
}

const text = { type: 'string' }
const fault = (properties: Record<string, object>): object => ({ type: 'object', properties })

const faults: Readonly<Record<ServiceName, object>> = {
  compute: {
    type: 'object',
    minProperties: 1,
    maxProperties: 1,
    additionalProperties: fault({ code: { type: 'integer' }, message: text }),
  },
  identity: fault({ error: fault({ code: { type: 'integer' }, title: text, message: text }) }),
  image: fault({ message: text, code: text, title: text }),
  network: fault({ NeutronError: fault({ type: text, message: text, detail: text }) }),
}

const microversion = {
  name: 'OpenStack-API-Version',
  in: 'header',
  description: `The microversion, such as \`compute ${MAX_VERSION}\` or \`compute latest\`. Without it: ${MIN_VERSION}.`,
  schema: { type: 'string' },
}

/** Where each service is mounted: /compute/v2.1. */
const rootOf = (service: ServiceName): string => {
  const profile = profiles.find((candidate) => candidate.service === service)
  return `${profile?.root ?? ''}${profile?.version ?? ''}`
}

export function openApiDocument(routes: readonly Route[]): object {
  const components: Components = new Map([
    ...Object.entries(faults).map(([service, schema]) => [`${service}.fault`, schema] as const),
    ...Object.entries(sharedSchemas).map(([name, schema]) => [name, copySchema(schema) as object] as const),
  ])
  // Paths that differ only in the names of their parameters are one path, with the names of the first.
  const paths = new Map<string, { path: string; operations: Record<string, object> }>()
  for (const group of groupRoutes(routes)) {
    const [{ service, method, path: own }] = group
    const full = `${rootOf(service)}${own}`
    const key = full.replaceAll(/\{[^}]*\}/g, '{}')
    const { path, operations } = paths.get(key) ?? { path: full, operations: {} }
    paths.set(key, {
      path,
      operations: { ...operations, [method.toLowerCase()]: operationOf(group, path, components) },
    })
  }
  const sorted = [...paths.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1))
  return {
    openapi: '3.1.0',
    info,
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    tags: Object.keys(faults).map((name) => ({ name })),
    paths: Object.fromEntries(sorted.map(({ path, operations }) => [path, operations])),
    components: {
      schemas: Object.fromEntries([...components].toSorted(([a], [b]) => (a < b ? -1 : 1))),
      responses: Object.fromEntries((Object.keys(faults) as ServiceName[]).flatMap(faultResponses)),
      parameters: { microversion },
      securitySchemes: { token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token' } },
    },
  }
}
