/** PromQL expressions that several dashboards use. */

/** The growth of a counter a second, for each combination of the labels. */
export const perSecond = (counter: string, labels: string, selector: string): string =>
  `sum by (${labels}) (rate(${counter}{${selector}}[$__rate_interval]))`

/** The value that 5 % of the observations of a histogram exceed, for each combination of the labels. */
export const slowestOf = (histogram: string, labels: string, selector: string): string =>
  `histogram_quantile(0.95, sum by (le, ${labels}) (rate(${histogram}_bucket{${selector}}[$__rate_interval])))`
