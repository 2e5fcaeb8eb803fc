import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type HealthServer, serveHealthAndMetrics } from './health-server.ts'
import { createMetrics, defineCounter, listMetrics } from './metrics.ts'

const cups = defineCounter('test_cups_total', 'Cups drunk.', ['kind'])
const metrics = createMetrics()
let server: HealthServer
let cacheFilled = false

beforeAll(async () => {
  const ready = {
    cache: () => {
      if (!cacheFilled) throw new Error('servers not listed yet')
    },
    libvirt: () => Promise.resolve(),
  }
  server = await serveHealthAndMetrics({
    port: 0,
    host: '127.0.0.1',
    metrics,
    ready,
    pages: { echo: async (body) => ({ status: 202, body: `${body}!` }) },
  })
})
afterAll(() => server[Symbol.asyncDispose]())

const get = async (path: string, method = 'GET'): Promise<[number, string]> => {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method })
  return [response.status, await response.text()]
}

describe('serveHealthAndMetrics', () => {
  it('answers a POST to a page of the program, if the body is not too long', async () => {
    const post = async (path: string, body: string): Promise<[number, string]> => {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method: 'POST', body })
      return [response.status, await response.text()]
    }
    expect(await post('/echo', 'hello')).toEqual([202, 'hello!'])
    expect(await post('/echo', 'x'.repeat(65_537))).toEqual([413, 'a body has at most 65536 bytes'])
    expect(await post('/other', 'x')).toEqual([405, 'only GET'])
    expect(await get('/echo')).toEqual([404, 'this server has /healthz, /readyz and /metrics'])
  })

  it.each<[string, number, string]>([
    ['/healthz', 200, 'ok'],
    ['/livez', 200, 'ok'],
    ['/readyz', 503, '[-]cache failed: servers not listed yet\n[+]libvirt ok\n'],
    ['/readyz/libvirt', 200, 'ok'],
    ['/readyz/cache', 503, '[-]cache failed: servers not listed yet\n'],
    ['/readyz?exclude=cache', 200, 'ok'],
    ['/readyz/nothing', 404, 'no check nothing'],
    ['/', 404, 'this server has /healthz, /readyz and /metrics'],
  ])('answers GET %s with %i', async (path, status, body) => {
    expect(await get(path)).toEqual([status, body])
  })

  it('answers 200 when all checks pass, and 405 to other methods than GET', async () => {
    cacheFilled = true
    expect(await get('/readyz')).toEqual([200, 'ok'])
    expect(await get('/readyz', 'POST')).toEqual([405, 'only GET'])
  })

  it('serves metrics, those of the process included', async () => {
    metrics.inc(cups, { kind: 'tea' }, 2)
    const [status, body] = await get('/metrics')
    expect(status).toBe(200)
    expect(body).toContain(
      '# HELP test_cups_total Cups drunk.\n# TYPE test_cups_total counter\ntest_cups_total{kind="tea"} 2',
    )
    expect(body).toMatch(/nodejs_eventloop_lag_max_seconds \d/)
    expect(body).toMatch(/process_resident_memory_bytes \d{7,}/)
    expect(body).toMatch(/process_heap_used_bytes \d{6,}/)
  })

  it('rejects when its port is in use', async () => {
    await expect(serveHealthAndMetrics({ port: server.port, host: '127.0.0.1', metrics })).rejects.toThrow('EADDRINUSE')
  })
})

describe('metrics', () => {
  it('listMetrics has every metric, and a second metric of the same name throws', () => {
    expect(listMetrics()).toContainEqual({
      type: 'counter',
      name: 'test_cups_total',
      help: 'Cups drunk.',
      labels: ['kind'],
    })
    expect(() => defineCounter('test_cups_total', 'again')).toThrow('defined twice')
  })

  it('value sums the samples that have the given labels', async () => {
    const values = createMetrics()
    values.inc(cups, { kind: 'tea' })
    values.inc(cups, { kind: 'coffee' }, 3)
    expect(await values.value('test_cups_total')).toBe(4)
    expect(await values.value('test_cups_total', { kind: 'coffee' })).toBe(3)
    expect(await values.value('nothing')).toBe(0)
  })
})
