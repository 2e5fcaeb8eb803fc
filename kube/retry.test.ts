import { describe, expect, it } from 'vitest'
import { ApiError } from './errors.ts'
import { retryDelay } from './retry.ts'

const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' })

describe('retryDelay', () => {
  it.each<[string, number, { retryAfterMs?: number; cause?: unknown }, boolean, number, [number, number] | undefined]>([
    ['retries any verb after 429', 429, {}, false, 1, [50, 100]],
    ['waits for Retry-After after 429', 429, { retryAfterMs: 3_000 }, false, 1, [3_000, 3_000]],
    ['gives up when Retry-After is a minute', 429, { retryAfterMs: 60_000 }, true, 1, undefined],
    ['gives up after 500 when the call is not idempotent', 500, {}, false, 1, undefined],
    ['retries an idempotent call after 500', 500, {}, true, 2, [100, 200]],
    ['gives up after the sixth attempt', 503, {}, true, 6, undefined],
    ['retries any verb after a refused connection', 0, { cause: refused }, false, 1, [50, 100]],
    ['gives up after a connection reset when the call is not idempotent', 0, { cause: reset }, false, 1, undefined],
    ['retries an idempotent call after a connection reset', 0, { cause: reset }, true, 1, [50, 100]],
    ['retries at once after the first 401', 401, {}, false, 1, [0, 0]],
    ['gives up after a second 401', 401, {}, true, 2, undefined],
    ['gives up after 404', 404, {}, true, 1, undefined],
    ['gives up after 409', 409, {}, true, 1, undefined],
    ['gives up after 422', 422, {}, true, 1, undefined],
  ])('%s', (_, status, more, idempotent, attempt, range) => {
    const error = new ApiError({ request: 'GET /x', status, ...more })
    for (const random of [0, 1]) {
      const delay = retryDelay(error, idempotent, attempt, () => random)
      if (!range) expect(delay).toBeUndefined()
      else {
        expect(delay).toBeGreaterThanOrEqual(range[0])
        expect(delay).toBeLessThanOrEqual(range[1])
      }
    }
  })
})
