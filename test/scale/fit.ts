/** Straight lines through measurements: does something grow? Pure. */

export interface Point {
  x: number
  y: number
}

export interface Line {
  /** Of y by x. */
  slope: number
  /** Standard error of the slope: how much of it may be chance. */
  error: number
  /** y in the middle. */
  mean: number
}

/** Least squares. With fewer than three points nothing can be said: NaN. */
export function fit(points: readonly Point[]): Line {
  const n = points.length
  const mean = (of: (p: Point) => number): number => points.reduce((sum, p) => sum + of(p), 0) / n
  const [x0, y0] = [mean(({ x }) => x), mean(({ y }) => y)]
  const spread = points.reduce((sum, { x }) => sum + (x - x0) ** 2, 0)
  const slope = points.reduce((sum, { x, y }) => sum + (x - x0) * (y - y0), 0) / spread
  const rest = points.reduce((sum, { x, y }) => sum + (y - y0 - slope * (x - x0)) ** 2, 0)
  return { slope: n < 3 ? Number.NaN : slope, error: Math.sqrt(rest / (n - 2) / spread), mean: y0 }
}

/**
 * Does it grow by more than `tolerance` in an hour, and not by chance? Points are minutes and values. What falls does not grow; what cannot be told
 * does, for a check that cannot fail is none.
 */
export function grows(points: readonly Point[], tolerance: number): boolean {
  const { slope, error } = fit(points)
  return !((slope - 2 * error) * 60 <= tolerance)
}
