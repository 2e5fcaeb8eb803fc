import { describe, expect, it } from 'vitest'
import { fitLine, isGrowing, type Point } from './growth.ts'

const series = (y: (x: number) => number): Point[] => Array.from({ length: 40 }, (_, x) => ({ x, y: y(x) }))
const noise = (x: number): number => Math.sin(x * 12.9898) * 0.5

describe('fitLine', () => {
  it('returns slope and mean of points on a straight line', () => {
    const { slope, standardError, mean } = fitLine(series((x) => 3 + 2 * x))
    expect(slope).toBeCloseTo(2)
    expect(standardError).toBeCloseTo(0)
    expect(mean).toBeCloseTo(42)
  })

  it('returns a standard error that covers the noise', () => {
    const { slope, standardError } = fitLine(series((x) => x + noise(x)))
    expect(Math.abs(slope - 1)).toBeLessThan(3 * standardError)
    expect(standardError).toBeGreaterThan(0)
  })
})

describe('isGrowing', () => {
  it.each([
    ['are constant', series(() => 50), false],
    ['swing about', series((x) => 50 + 10 * noise(x)), false],
    ['fall', series((x) => 50 - x), false],
    ['grow within the tolerance', series((x) => 50 + 0.01 * x + noise(x)), false],
    ['grow beyond the tolerance', series((x) => 50 + 0.1 * x + noise(x)), true],
    [
      'are only two',
      [
        { x: 0, y: 1 },
        { x: 1, y: 1 },
      ],
      true,
    ],
    ['are not numbers', series(() => Number.NaN), true],
  ])('judges values that %s', (_, points, expected) => {
    expect(isGrowing(points, 2)).toBe(expected)
  })
})
