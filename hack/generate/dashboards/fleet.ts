/** Only the leading controller has most of these metrics. */
import type { Dashboard, Panel } from './dashboard.ts'

const stats: Panel[] = [
  {
    title: 'Servers',
    description: 'All servers.',
    type: 'stat',
    unit: 'short',
    queries: [['sum(max by (vm_state) (kubenova_servers))', 'servers']],
  },
  {
    title: 'In error',
    description: 'Servers in vmState error: status.fault says why.',
    type: 'stat',
    unit: 'short',
    queries: [['max(kubenova_servers{vm_state="error"}) or vector(0)', 'servers']],
  },
  {
    title: 'Overdue',
    description: 'Servers that have been in a transient state for too long.',
    type: 'stat',
    unit: 'short',
    queries: [['sum(max by (state) (kubenova_servers_overdue)) or vector(0)', 'servers']],
  },
  {
    title: 'Hosts down',
    description: 'Hosts whose agent has stopped renewing its lease, or that are forced down.',
    type: 'stat',
    unit: 'short',
    queries: [['max(kubenova_hypervisors{state="down"}) or vector(0)', 'hosts']],
  },
]

const usage = (title: string, resource: string, unit: Panel['unit'], description: string): Panel => ({
  title,
  description,
  type: 'timeseries',
  unit,
  queries: [
    [`sum(max by (host) (kubenova_hypervisor_used{resource="${resource}"}))`, 'used'],
    [`sum(max by (host) (kubenova_hypervisor_capacity{resource="${resource}"}))`, 'capacity'],
  ],
})

export const fleet: Dashboard = {
  uid: 'kubenova-fleet',
  title: 'Kubenova / Fleet',
  description: 'Servers, hosts, addresses and actions of the whole cloud.',
  variables: {},
  panels: [
    ...stats,
    {
      title: 'Servers by state',
      description: "Nova's vm_state of the servers.",
      type: 'timeseries',
      unit: 'short',
      queries: [['max by (vm_state) (kubenova_servers)', '{{vm_state}}']],
    },
    {
      title: 'Overdue servers by state',
      description: 'The transient state in which a server has been for too long.',
      type: 'timeseries',
      unit: 'short',
      queries: [['max by (state) (kubenova_servers_overdue)', '{{state}}']],
    },
    usage('Memory', 'ram', 'mbytes', 'Memory of the servers, and of the hosts.'),
    usage('Virtual CPUs', 'vcpus', 'short', 'Virtual CPUs of the servers, and CPU threads of the hosts.'),
    usage('Disk', 'disk', 'gbytes', 'Disks of the servers, and of the hosts.'),
    {
      title: 'Hosts by state',
      description: 'Hosts that are up, and hosts that are down.',
      type: 'timeseries',
      unit: 'short',
      queries: [['max by (state) (kubenova_hypervisors)', '{{state}}']],
    },
    {
      title: 'Addresses in use',
      description: 'The share of the addresses of each network that ports have.',
      type: 'timeseries',
      unit: 'percentunit',
      queries: [
        [
          'max by (namespace, network) (kubenova_network_addresses{state="used"}) / (max by (namespace, network) (kubenova_network_addresses{state="total"}) > 0)',
          '{{namespace}}/{{network}}',
        ],
      ],
    },
    {
      title: 'Steps of actions',
      description: 'The mean time of each step, over all hosts.',
      type: 'timeseries',
      unit: 's',
      queries: [
        [
          'sum by (action, step) (rate(kubenova_step_seconds_sum[$__rate_interval])) / (sum by (action, step) (rate(kubenova_step_seconds_count[$__rate_interval])) > 0)',
          '{{action}}: {{step}}',
        ],
      ],
    },
  ],
}
