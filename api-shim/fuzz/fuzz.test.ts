import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { groupRoutes } from '../http/mount.ts'
import { profiles } from '../http/profile.ts'
import { allRoutes } from '../routes/index.ts'
import type { Route } from '../routes/route.ts'
import { findViolations } from './answers.ts'
import { FuzzCloud } from './cloud.ts'
import { bodySchemasOf, type FuzzRequest, requestsOf, SECRET } from './requests.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? 1)
const factor = Number(process.env['FUZZ_FACTOR'] ?? 1)
const runsOf = (route: Route): number => factor * (bodySchemasOf(route).length > 0 ? 20 : 5)
/**
 * The most processor time for one request. Elapsed time would also count other programs, because the machine may be
 * busy. A second is far above the time of any request.
 */
const MAX_MICROSECONDS = 1_000_000
const TIMEOUT_MS = 30_000

const resourceOf = ({ service, path }: Route): string => `${service} /${path.split('/')[1]}`
const resources = Map.groupBy(allRoutes, resourceOf)
const rootsOf = ({ service }: Route): string[] =>
  profiles.filter((profile) => profile.service === service).map(({ root, version }) => root + version)

describe.each([...resources])('requests to %s', (_resource, routes) => {
  let cloud: FuzzCloud
  beforeAll(async () => void (cloud = await FuzzCloud.start()))
  afterAll(() => cloud[Symbol.asyncDispose]())

  async function check(route: Route, request: FuzzRequest): Promise<void> {
    const before = process.cpuUsage()
    const answer = await cloud.send(request)
    const { user, system } = process.cpuUsage(before)
    const violations = findViolations({ service: route.service, request, answer })
    if (user + system > MAX_MICROSECONDS) violations.push(`${user + system} µs of processor time`)
    const lines = cloud.logged.splice(0).join('')
    if (lines.includes(SECRET)) violations.push(`a secret in the log: ${lines}`)
    if (violations.length > 0) violations.push(lines)
    expect(violations).toEqual([])
  }

  it.each(groupRoutes(routes).flat())('answers $name: $method $path', async (route) => {
    const requests = fc.oneof(
      ...rootsOf(route).map((root, index) => ({
        weight: index === 0 ? 6 : 1,
        arbitrary: requestsOf(route, cloud.known, root),
      })),
    )
    await fc.assert(
      fc.asyncProperty(requests, (request) => check(route, request)),
      { seed, numRuns: runsOf(route), timeout: TIMEOUT_MS, interruptAfterTimeLimit: 50_000 },
    )
  })
})
