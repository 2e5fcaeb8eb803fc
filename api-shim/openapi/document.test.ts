import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { allRoutes } from '../routes/index.ts'
import { defineRoute } from '../routes/route.ts'
import { TestShim } from '../testing.ts'
import { objectSchema, querySchema, repeatedParameter, singleParameter, stringSchema } from '../validation/schema.ts'
import { openApiDocument } from './document.ts'

interface Operation {
  operationId: string
  parameters: { name?: string; in?: string; $ref?: string }[]
  'x-routes': { name: string; 'min-ver'?: string; 'max-ver'?: string }[]
}
interface Document {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object> }
}

const document = openApiDocument(allRoutes) as Document
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
)

describe('openApiDocument', () => {
  it('is a valid OpenAPI document with no dangling reference', async () => {
    const validator = new Validator()
    expect(await validator.validate({ ...structuredClone(document) })).toEqual({ valid: true })
    expect(validator.version).toBe('3.1')
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]*)"/g)
    for (const [, reference = ''] of references) {
      const found = reference
        .split('/')
        .reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], document)
      expect(found, reference).toBeTypeOf('object')
    }
  })

  it('has each route once, and each operation has an ID of its own', () => {
    const named = operations.flatMap(({ operation }) => operation['x-routes'].map(({ name }) => name))
    expect(named.toSorted()).toEqual(allRoutes.map(({ name }) => name).toSorted())
    const ids = operations.map(({ operation }) => operation.operationId)
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([])
  })

  it('declares the parameters of each path', () => {
    for (const { path, operation } of operations) {
      const declared = operation.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)
      expect(declared, path).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))
    }
  })

  it('has schemas that ajv compiles, each with an existing pattern', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    ajv.addSchema({ $id: 'shim', components: document.components })
    for (const name of Object.keys(document.components.schemas))
      expect(() => ajv.compile({ $ref: `shim#/components/schemas/${name}` }), name).not.toThrow()
    const validate = ajv.compile({ $ref: 'shim#/components/schemas/compute.keypairs-create.2.92' })
    expect(validate({ keypair: { name: 'a', public_key: 'ssh-ed25519 AAAA' } })).toBe(true)
    expect(validate({ keypair: { name: 'a' } })).toBe(false)
  })

  it('gives schemas and parameters the microversions at which they apply', () => {
    const small = objectSchema({ thing: stringSchema() })
    const route = defineRoute({
      name: 'things:create',
      method: 'POST',
      path: '/things/{thing_id}',
      since: '2.5',
      until: '2.40',
      success: { '2.1': 200, '2.30': 202 },
      policy: { rule: 'things', role: 'admin' },
      body: { '2.1': small, '2.20': objectSchema({ other: stringSchema() }), '2.41': small },
      query: {
        '2.1': querySchema({ old: repeatedParameter(stringSchema()) }),
        '2.30': querySchema({ fresh: singleParameter(stringSchema()) }),
      },
      handle: async () => ({}),
    })
    const { paths, components } = openApiDocument([route]) as Document & { paths: Record<string, object> }
    const { schemas } = components
    expect(schemas['compute.things-create.2.5']).toMatchObject({
      properties: { thing: { type: 'string' } },
      'x-openstack': { 'min-ver': '2.5', 'max-ver': '2.19' },
    })
    expect(schemas['compute.things-create.2.20']).toMatchObject({
      'x-openstack': { 'min-ver': '2.20', 'max-ver': '2.40' },
    })
    expect(Object.keys(schemas).filter((name) => name.includes('things'))).toHaveLength(2)
    expect(paths['/compute/v2.1/things/{thing_id}']).toMatchObject({
      post: {
        parameters: [
          { name: 'thing_id', in: 'path' },
          { $ref: '#/components/parameters/microversion' },
          { name: 'old', schema: { type: 'array' }, 'x-openstack': { 'min-ver': '2.5', 'max-ver': '2.29' } },
          { name: 'fresh', schema: { type: 'string' }, 'x-openstack': { 'min-ver': '2.30', 'max-ver': '2.40' } },
        ],
        responses: { 200: {}, 202: {}, 400: {}, 401: {}, 403: {}, 404: {}, 406: {}, default: {} },
      },
    })
  })

  it('marks what Nova has removed', () => {
    expect(document.paths['/compute/v2.1/os-agents']?.['get']).toMatchObject({
      deprecated: true,
      responses: { 401: {}, 410: {}, default: {} },
    })
  })

  it('is in docs/reference, and at /openapi.json with the address of the shim', async () => {
    const file = join(import.meta.dirname, '../../docs/reference/openapi.yaml')
    expect(parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(document)))
    await using shim = await new TestShim({ publicUrl: 'https://cloud.test' }).start()
    const { status, body } = await shim.ask<Document>('GET', '/openapi.json', { as: null })
    expect(status).toBe(200)
    expect(body).toEqual({ ...JSON.parse(JSON.stringify(document)), servers: [{ url: 'https://cloud.test' }] })
  })
})
