import type { Dashboard, Panel } from './dashboard.ts'
import { perSecond, slowestOf } from './expressions.ts'

const selector = 'job=~"$job"'

const curve = (title: string, description: string, unit: Panel['unit'], expr: string, legend: string): Panel => ({
  title,
  description,
  type: 'timeseries',
  unit,
  queries: [[expr, legend]],
})

const stats: Panel[] = [
  {
    title: 'Leaders',
    description: 'Controllers that lead; it should be one.',
    type: 'stat',
    unit: 'short',
    queries: [['sum(leader_election_master_status) or vector(0)', 'leaders']],
  },
  {
    title: 'Programs reached',
    description: 'Controllers and agents whose metrics Prometheus reads.',
    type: 'stat',
    unit: 'short',
    queries: [[`sum(up{${selector}})`, 'programs']],
  },
  {
    title: 'Keys that wait',
    description: 'All keys in the queues.',
    type: 'stat',
    unit: 'short',
    queries: [[`sum(workqueue_depth{${selector}})`, 'keys']],
  },
  {
    title: 'Failed reconciles',
    description: 'The share of reconciles that threw an error.',
    type: 'stat',
    unit: 'percentunit',
    queries: [
      [
        `sum(rate(controller_runtime_reconcile_errors_total{${selector}}[$__rate_interval])) / sum(rate(controller_runtime_reconcile_total{${selector}}[$__rate_interval]))`,
        'failed',
      ],
    ],
  },
]

const work: Panel[] = [
  curve(
    'Reconciles',
    'Reconciles a second, by controller.',
    'ops',
    perSecond('controller_runtime_reconcile_total', 'controller', selector),
    '{{controller}}',
  ),
  curve(
    'Failed reconciles by controller',
    'Reconciles that threw an error, a second.',
    'ops',
    perSecond('controller_runtime_reconcile_errors_total', 'controller', selector),
    '{{controller}}',
  ),
  curve(
    'Time of reconciles',
    'The time within which 95 % of the reconciles end.',
    's',
    slowestOf('controller_runtime_reconcile_time_seconds', 'controller', selector),
    '{{controller}}',
  ),
  curve(
    'Workers in use',
    'The share of the workers that are in use.',
    'percentunit',
    `sum by (controller) (controller_runtime_active_workers{${selector}}) / sum by (controller) (controller_runtime_max_concurrent_reconciles{${selector}})`,
    '{{controller}}',
  ),
  curve('Queues', 'Keys that wait.', 'short', `sum by (name) (workqueue_depth{${selector}})`, '{{name}}'),
  curve(
    'Waiting time',
    'The time within which 95 % of the keys leave their queue.',
    's',
    slowestOf('workqueue_queue_duration_seconds', 'name', selector),
    '{{name}}',
  ),
]

const apiServer: Panel[] = [
  curve(
    'Requests to the API server',
    'Requests a second, by status code.',
    'reqps',
    perSecond('rest_client_requests_total', 'code', selector),
    '{{code}}',
  ),
  curve(
    'Time of requests',
    'The time within which 95 % of the requests are answered.',
    's',
    slowestOf('rest_client_request_duration_seconds', 'verb', selector),
    '{{verb}}',
  ),
  curve(
    'Changes received',
    'Watch events a second, by kind.',
    'ops',
    perSecond('reflector_events_total', 'name', selector),
    '{{name}}',
  ),
  curve(
    'Ends of watches',
    'Watches that ended, a second, and how.',
    'ops',
    perSecond('reflector_watches_total', 'name, end', selector),
    '{{name}}: {{end}}',
  ),
  curve(
    'Cached objects',
    'Objects in the caches.',
    'short',
    `sum by (name) (informer_objects{${selector}})`,
    '{{name}}',
  ),
  curve(
    'Events',
    'Events a second, by result.',
    'ops',
    perSecond('events_recorded_total', 'result', selector),
    '{{result}}',
  ),
]

const processes: Panel[] = [
  curve('Memory', 'Resident memory.', 'bytes', `process_resident_memory_bytes{${selector}}`, '{{instance}}'),
  curve(
    'Delay of the event loop',
    'The longest delay since the last scrape; more than a second means too little CPU.',
    's',
    `nodejs_eventloop_lag_max_seconds{${selector}}`,
    '{{instance}}',
  ),
]

export const controlPlane: Dashboard = {
  uid: 'kubenova-control-plane',
  title: 'Kubenova / Control plane',
  description: 'Controllers and agents: their work, their queues and their use of the API server.',
  variables: { job: 'label_values(up{job=~"kubenova-.*"}, job)' },
  panels: [...stats, ...work, ...apiServer, ...processes],
}
