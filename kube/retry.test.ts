import { describe, expect, it } from 'vitest'
import { ApiError } from './errors.ts'
import { retryDelay } from './retry.ts'

const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' })

describe('retryIn', () => {
  it.each<[string, number, { retryAfterMs?: number; cause?: unknown }, boolean, number, [number, number] | undefined]>([
    ['429: any verb', 429, {}, false, 1, [50, 100]],
    ['429 with Retry-After: not before', 429, { retryAfterMs: 3_000 }, false, 1, [3_000, 3_000]],
    ['429 for a minute: left to the caller', 429, { retryAfterMs: 60_000 }, true, 1, undefined],
    ['500: only what may be repeated', 500, {}, false, 1, undefined],
    ['500 of a GET', 500, {}, true, 2, [100, 200]],
    ['503 of a GET, sixth time', 503, {}, true, 6, undefined],
    ['connection refused: any verb, it was never sent', 0, { cause: refused }, false, 1, [50, 100]],
    ['connection reset: it may have been done', 0, { cause: reset }, false, 1, undefined],
    ['connection reset of a GET', 0, { cause: reset }, true, 1, [50, 100]],
    ['401: once, with fresh credentials', 401, {}, false, 1, [0, 0]],
    ['401 again', 401, {}, true, 2, undefined],
    ['404', 404, {}, true, 1, undefined],
    ['409', 409, {}, true, 1, undefined],
    ['422', 422, {}, true, 1, undefined],
  ])('%s', (_, status, more, idempotent, attempt, range) => {
    const error = new ApiError({ request: 'GET /x', status, ...more })
    for (const random of [0, 1]) {
      const wait = retryDelay(error, idempotent, attempt, () => random)
      if (!range) expect(wait).toBeUndefined()
      else {
        expect(wait).toBeGreaterThanOrEqual(range[0])
        expect(wait).toBeLessThanOrEqual(range[1])
      }
    }
  })
})
