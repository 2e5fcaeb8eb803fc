// The files of the client that are used. Its entry point loads OpenTelemetry too, which is 8 MB of each process and used by nothing here.

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
