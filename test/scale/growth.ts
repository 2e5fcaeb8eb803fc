export interface Point {
  x: number
  y: number
}

export interface Line {
  slope: number
  /** Standard error of the slope. */
  standardError: number
  /** Mean of y. */
  mean: number
}

/** Fits by least squares. With fewer than three points, slope and standard error are NaN. */
export function fitLine(points: readonly Point[]): Line {
  const n = points.length
  const mean = (valueOf: (p: Point) => number): number => points.reduce((sum, p) => sum + valueOf(p), 0) / n
  const [x0, y0] = [mean(({ x }) => x), mean(({ y }) => y)]
  const spread = points.reduce((sum, { x }) => sum + (x - x0) ** 2, 0)
  const slope = points.reduce((sum, { x, y }) => sum + (x - x0) * (y - y0), 0) / spread
  const residual = points.reduce((sum, { x, y }) => sum + (y - y0 - slope * (x - x0)) ** 2, 0)
  return { slope: n < 3 ? Number.NaN : slope, standardError: Math.sqrt(residual / (n - 2) / spread), mean: y0 }
}

/**
 * Whether the values grow by more than `tolerance` an hour; x is in minutes. Two standard errors are subtracted,
 * because the slope may be too high by chance. True with too few points, so that a run without measurements does not
 * pass.
 */
export function isGrowing(points: readonly Point[], tolerance: number): boolean {
  const { slope, standardError } = fitLine(points)
  return !((slope - 2 * standardError) * 60 <= tolerance)
}
