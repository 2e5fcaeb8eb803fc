/** PromQL expressions that several dashboards use. */

export const perSecond = (counter: string, labels: string, selector: string): string =>
  `sum by (${labels}) (rate(${counter}{${selector}}[$__rate_interval]))`

/** The 95th percentile of a histogram. */
export const slowestOf = (histogram: string, labels: string, selector: string): string =>
  `histogram_quantile(0.95, sum by (le, ${labels}) (rate(${histogram}_bucket{${selector}}[$__rate_interval])))`
