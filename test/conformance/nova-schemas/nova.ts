/** Nova's JSON Schemas and their validator. They come from the package nova, which is installed into the cache. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Schema } from '../../../api-shim/validation/schema.ts'
import { ensurePythonEnvironment } from '../../rig/python-environment.ts'

const program = join(import.meta.dirname, 'schemas.py')

/** `since` and `until` are minor versions; null: no limit. */
export interface NovaSchema {
  schema: Schema
  since: number | null
  until: number | null
}

export interface NovaRoute {
  method: string
  path: string
  action: string | null
  request: NovaSchema[]
  query: NovaSchema[]
  responses: number
}

export interface Case {
  method: string
  path: string
  action: string | null
  kind: 'request' | 'query' | 'response'
  version: number
  value: unknown
}

/** `valid`, `none` if Nova has no such schema, or the message of the error. */
export type Verdict = string

const ensureNova = (): Promise<string> =>
  ensurePythonEnvironment('nova', [join(import.meta.dirname, 'requirements.txt')], ['--no-deps'])

export async function listNovaRoutes(): Promise<NovaRoute[]> {
  const { stdout } = await promisify(execFile)(join(await ensureNova(), 'bin/python'), [program, 'list'], {
    maxBuffer: 256 * 1024 ** 2,
  })
  return JSON.parse(stdout) as NovaRoute[]
}

export async function judgeByNova(cases: readonly Case[]): Promise<Verdict[]> {
  const child = promisify(execFile)(join(await ensureNova(), 'bin/python'), [program, 'check'], {
    maxBuffer: 1024 ** 3,
  })
  child.child.stdin?.end(cases.map((value) => `${JSON.stringify(value)}\n`).join(''))
  const { stdout } = await child
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Verdict)
}

/** Makes all parameters equal, because Nova and the shim name them differently. */
export const shapeOf = (path: string): string => path.replaceAll(/\{[^}]*\}/g, '{}')

export const comparedVersions = [1, 25, 47, 53, 64, 75, 90, 96, 104] as const

export const selectNovaSchema = (schemas: readonly NovaSchema[], version: number): NovaSchema | undefined =>
  schemas.find(({ since, until }) => version >= (since ?? 0) && version <= (until ?? Number.POSITIVE_INFINITY))
