import { describe, expect, it } from 'vitest'
import { fit, grows, type Point } from './fit.ts'

const series = (y: (x: number) => number): Point[] => Array.from({ length: 40 }, (_, x) => ({ x, y: y(x) }))
/** The same at each run. */
const noise = (x: number): number => Math.sin(x * 12.9898) * 0.5

describe('a straight line', () => {
  it('has the slope of what lies on it', () => {
    const { slope, error, mean } = fit(series((x) => 3 + 2 * x))
    expect(slope).toBeCloseTo(2)
    expect(error).toBeCloseTo(0)
    expect(mean).toBeCloseTo(42)
  })

  it('says how sure it is', () => {
    const { slope, error } = fit(series((x) => x + noise(x)))
    expect(Math.abs(slope - 1)).toBeLessThan(3 * error)
    expect(error).toBeGreaterThan(0)
  })
})

describe('growth', () => {
  it.each([
    ['stands still', series(() => 50), false],
    ['swings about', series((x) => 50 + 10 * noise(x)), false],
    ['falls', series((x) => 50 - x), false],
    ['grows within the tolerance', series((x) => 50 + 0.01 * x + noise(x)), false],
    ['grows beyond it', series((x) => 50 + 0.1 * x + noise(x)), true],
    [
      'was looked at twice',
      [
        { x: 0, y: 1 },
        { x: 1, y: 1 },
      ],
      true,
    ],
    ['could not be measured', series(() => Number.NaN), true],
  ])('what %s', (_, points, expected) => {
    expect(grows(points, 2)).toBe(expected)
  })
})
