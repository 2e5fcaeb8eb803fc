// The entry point of @prometheus-io/client is not imported, because it also loads OpenTelemetry, which costs each
// process 8 MB.

declare module '@prometheus-io/client/lib/counter.js' {
  import { Counter } from '@prometheus-io/client'

  export default Counter
}
declare module '@prometheus-io/client/lib/gauge.js' {
  import { Gauge } from '@prometheus-io/client'

  export default Gauge
}
declare module '@prometheus-io/client/lib/histogram.js' {
  import { Histogram } from '@prometheus-io/client'

  export default Histogram
}
declare module '@prometheus-io/client/lib/registry.js' {
  import { Registry } from '@prometheus-io/client'

  export default Registry
}
