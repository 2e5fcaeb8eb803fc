/**
 * Records the shim's answers in tests, for a comparison with Nova's schemas. KUBENOVA_RECORD_ANSWERS names the
 * directory of the records. Without it, nothing is recorded.
 */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'

export interface RecordedAnswer {
  method: string
  /** The path with its query. */
  url: string
  request?: string
  /** The microversion, such as `2.53`. */
  version: string
  status: number
  body: unknown
}

/** Each successful GET is sent again at these microversions. The others hardly change answers. */
const versions = ['2.1', '2.25', '2.47', '2.53', '2.64', '2.75', '2.90', '2.96', '2.104']

type Inject = (options: InjectOptions) => Promise<LightMyRequestResponse>

/** Does nothing unless KUBENOVA_RECORD_ANSWERS is set. */
export function recordAnswers(app: FastifyInstance): void {
  const dir = process.env['KUBENOVA_RECORD_ANSWERS']
  if (dir === undefined) return
  const file = join(dir, `${process.pid}.jsonl`)
  const inject = app.inject.bind(app) as Inject
  const recorded: Inject = async (options) => {
    const answer = await inject(options)
    record(file, options, answer)
    if (options.method === 'GET' && answer.statusCode === 200) await repeatAtVersions(inject, file, options)
    return answer
  }
  Object.assign(app, { inject: recorded })
}

async function repeatAtVersions(inject: Inject, file: string, options: InjectOptions): Promise<void> {
  for (const version of versions) {
    const headers = { ...options.headers, 'openstack-api-version': `compute ${version}` }
    record(file, options, await inject({ ...options, headers }))
  }
}

function record(file: string, options: InjectOptions, answer: LightMyRequestResponse): void {
  const { method = 'GET', url, payload } = options
  const version = answer.headers['x-openstack-nova-api-version']
  if (typeof url !== 'string' || typeof version !== 'string' || answer.statusCode >= 300 || answer.body === '') return
  const line: RecordedAnswer = {
    method,
    url,
    ...(typeof payload === 'string' ? { request: payload } : {}),
    version,
    status: answer.statusCode,
    body: answer.json<unknown>(),
  }
  appendFileSync(file, `${JSON.stringify(line)}\n`)
}
