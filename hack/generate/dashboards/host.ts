/** The chart's PodMonitors and ServiceMonitors set the label `node` to the host's name. */
import type { Dashboard, Panel } from './dashboard.ts'
import { perSecond, slowestOf } from './expressions.ts'

const share = (resource: string): [string, string] => [
  `max(kubenova_hypervisor_used{host="$host",resource="${resource}"}) / max(kubenova_hypervisor_capacity{host="$host",resource="${resource}"})`,
  resource,
]

const stats: Panel[] = [
  {
    title: 'Servers',
    description: 'Servers that are placed on the host.',
    type: 'stat',
    unit: 'short',
    queries: [['max(kubenova_hypervisor_used{host="$host",resource="servers"})', 'servers']],
  },
  {
    title: 'Memory in use',
    description: "The servers' share of the memory of the host.",
    type: 'stat',
    unit: 'percentunit',
    queries: [share('ram')],
  },
  {
    title: 'Disk in use',
    description: "The servers' share of the disk of the host.",
    type: 'stat',
    unit: 'percentunit',
    queries: [share('disk')],
  },
  {
    title: 'Heartbeat',
    description:
      'Time since the last heartbeat that the API server accepted; after 30 seconds the host counts as down.',
    type: 'stat',
    unit: 's',
    queries: [['max(heartbeat_age_seconds{node="$host"})', 'age']],
  },
]

const curve = (title: string, description: string, unit: Panel['unit'], ...queries: [string, string][]): Panel => ({
  title,
  description,
  type: 'timeseries',
  unit,
  queries,
})

export const host: Dashboard = {
  uid: 'kubenova-host',
  title: 'Kubenova / Host',
  description: 'One host: its use, its agent and its libvirtd.',
  variables: { host: 'label_values(kubenova_hypervisor_capacity, host)' },
  panels: [
    ...stats,
    curve(
      'Use',
      "The servers' share of the resources of the host.",
      'percentunit',
      share('ram'),
      share('disk'),
      share('vcpus'),
    ),
    curve('Heartbeats', 'Heartbeats written, by result.', 'ops', [
      perSecond('heartbeat_total', 'result', 'node="$host"'),
      '{{result}}',
    ]),
    curve('Calls of libvirt', 'Calls a second, by procedure.', 'ops', [
      perSecond('kubenova_libvirt_call_seconds_count', 'procedure', 'node="$host"'),
      '{{procedure}}',
    ]),
    curve('Time of calls of libvirt', 'The time within which 95 % of the calls end.', 's', [
      slowestOf('kubenova_libvirt_call_seconds', 'procedure', 'node="$host"'),
      '{{procedure}}',
    ]),
    curve('Errors of libvirt', 'Failed calls a second, by the error code of libvirt.', 'ops', [
      perSecond('kubenova_libvirt_call_errors_total', 'code', 'node="$host"'),
      '{{code}}',
    ]),
    curve('Time of steps', 'The time within which 95 % of the steps of actions end.', 's', [
      slowestOf('kubenova_step_seconds', 'action, step', 'node="$host"'),
      '{{action}}: {{step}}',
    ]),
    curve('Reconciles', 'Reconciles a second, by result.', 'ops', [
      perSecond('controller_runtime_reconcile_total', 'controller, result', 'node="$host"'),
      '{{controller}}: {{result}}',
    ]),
    curve('Queue', 'Keys that wait.', 'short', ['max by (name) (workqueue_depth{node="$host"})', '{{name}}']),
    curve('Memory of the agent', 'Resident memory.', 'bytes', [
      'max(process_resident_memory_bytes{node="$host"})',
      'resident',
    ]),
    curve(
      'Delay of the event loop',
      'The longest delay since the last scrape; more than a second means too little CPU.',
      's',
      ['max(nodejs_eventloop_lag_max_seconds{node="$host"})', 'delay'],
    ),
  ],
}
