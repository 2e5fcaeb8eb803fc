// For each alert: series with which the alert fires, and series with which it does not fire. By default, a series has
// one value a minute: `1+0x20` is 1 for 20 more minutes, and `0+6x20` grows by 6 a minute.

export interface AlertCase {
  alert: string
  /** The time of the check. */
  at: string
  /** Time between two values, and between two evaluations; default: one minute. */
  interval?: string
  fires: Record<string, string>
  quiet: Record<string, string>
  /** Labels of the alert that fires, without its severity. */
  labels: Record<string, string>
  description: string
}

const agent = 'job="kubenova-agent",instance="h1:8081"'
const controller = 'job="kubenova-controller",instance="c1:8080"'
const shim = 'job="kubenova-api-shim",instance="s1:8080"'

const fleet: AlertCase[] = [
  {
    alert: 'KubenovaHostDown',
    at: '5m',
    fires: { 'kubenova_hypervisors{state="down"}': '2+0x10' },
    quiet: { 'kubenova_hypervisors{state="down"}': '0+0x10', 'kubenova_hypervisors{state="up"}': '3+0x10' },
    labels: {},
    description:
      '2 hosts have stopped renewing their lease, or are forced down. The state of their servers is not known.',
  },
  {
    alert: 'KubenovaServersOverdue',
    at: '10m',
    fires: { 'kubenova_servers_overdue{state="building"}': '3+0x10' },
    quiet: { 'kubenova_servers_overdue{state="building"}': '0+0x8 3' },
    labels: { state: 'building' },
    description: '3 servers have exceeded the time limit of the state building.',
  },
  {
    alert: 'KubenovaServersInError',
    at: '20m',
    fires: { 'kubenova_servers{vm_state="error"}': '1+0x10 8+0x10' },
    quiet: { 'kubenova_servers{vm_state="error"}': '8+0x20', 'kubenova_servers{vm_state="active"}': '1+1x20' },
    labels: {},
    description: '7 more servers are in vmState error than 15 minutes ago.',
  },
  {
    alert: 'KubenovaHostNearlyFull',
    at: '70m',
    fires: {
      'kubenova_hypervisor_used{host="h1",resource="ram"}': '980+0x80',
      'kubenova_hypervisor_capacity{host="h1",resource="ram"}': '1000+0x80',
    },
    quiet: {
      'kubenova_hypervisor_used{host="h1",resource="ram"}': '900+0x80',
      'kubenova_hypervisor_capacity{host="h1",resource="ram"}': '1000+0x80',
      'kubenova_hypervisor_used{host="h1",resource="vcpus"}': '16+0x80',
      'kubenova_hypervisor_capacity{host="h1",resource="vcpus"}': '4+0x80',
    },
    labels: { host: 'h1', resource: 'ram' },
    description: 'The servers on h1 use 98% of its ram.',
  },
  {
    alert: 'KubenovaCloudNearlyFull',
    at: '40m',
    fires: {
      'kubenova_hypervisor_used{host="h1",resource="disk"}': '100+0x50',
      'kubenova_hypervisor_used{host="h2",resource="disk"}': '85+0x50',
      'kubenova_hypervisor_capacity{host="h1",resource="disk"}': '100+0x50',
      'kubenova_hypervisor_capacity{host="h2",resource="disk"}': '100+0x50',
    },
    quiet: {
      'kubenova_hypervisor_used{host="h1",resource="disk"}': '100+0x50',
      'kubenova_hypervisor_used{host="h2",resource="disk"}': '20+0x50',
      'kubenova_hypervisor_capacity{host="h1",resource="disk"}': '100+0x50',
      'kubenova_hypervisor_capacity{host="h2",resource="disk"}': '100+0x50',
    },
    labels: { resource: 'disk' },
    description: 'The servers use 92.5% of the disk of all hosts.',
  },
  {
    alert: 'KubenovaNetworkNearlyFull',
    at: '20m',
    fires: {
      'kubenova_network_addresses{namespace="default",network="net",state="used"}': '240+0x30',
      'kubenova_network_addresses{namespace="default",network="net",state="total"}': '250+0x30',
    },
    quiet: {
      'kubenova_network_addresses{namespace="default",network="net",state="used"}': '100+0x30',
      'kubenova_network_addresses{namespace="default",network="net",state="total"}': '250+0x30',
    },
    labels: { namespace: 'default', network: 'net' },
    description: '96% of the addresses of network default/net are in use.',
  },
]

const hosts: AlertCase[] = [
  {
    alert: 'KubenovaAgentUnreachable',
    at: '10m',
    fires: { [`up{${agent}}`]: '0+0x20' },
    quiet: { [`up{${agent}}`]: '1+0x20', 'up{job="other",instance="a"}': '0+0x20' },
    labels: { job: 'kubenova-agent', instance: 'h1:8081' },
    description: 'Prometheus does not reach the agent at h1:8081: it does not run, or its host is down.',
  },
  {
    alert: 'KubenovaHeartbeatLate',
    at: '5m',
    fires: { [`heartbeat_age_seconds{${agent},name="h1"}`]: '25+0x10' },
    quiet: { [`heartbeat_age_seconds{${agent},name="h1"}`]: '10+0x10' },
    labels: { job: 'kubenova-agent', instance: 'h1:8081', name: 'h1' },
    description: 'The API server has accepted no heartbeat of h1 for 25s. The host soon counts as down.',
  },
  {
    alert: 'KubenovaHeartbeatsFail',
    at: '30m',
    fires: {
      [`heartbeat_total{${agent},name="h1",result="error"}`]: '0+3x40',
      [`heartbeat_total{${agent},name="h1",result="success"}`]: '0+3x40',
    },
    quiet: {
      [`heartbeat_total{${agent},name="h1",result="error"}`]: '2+0x40',
      [`heartbeat_total{${agent},name="h1",result="success"}`]: '0+6x40',
    },
    labels: { name: 'h1' },
    description: '50% of the heartbeats of h1 fail.',
  },
  {
    alert: 'KubenovaLibvirtSlow',
    at: '30m',
    fires: {
      [`kubenova_libvirt_call_seconds_bucket{${agent},procedure="domainCreate",le="10"}`]: '0+0x40',
      [`kubenova_libvirt_call_seconds_bucket{${agent},procedure="domainCreate",le="30"}`]: '0+10x40',
      [`kubenova_libvirt_call_seconds_bucket{${agent},procedure="domainCreate",le="+Inf"}`]: '0+10x40',
    },
    quiet: {
      [`kubenova_libvirt_call_seconds_bucket{${agent},procedure="domainCreate",le="10"}`]: '0+10x40',
      [`kubenova_libvirt_call_seconds_bucket{${agent},procedure="domainCreate",le="+Inf"}`]: '0+10x40',
    },
    labels: { instance: 'h1:8081', procedure: 'domainCreate' },
    description: '5 % of the calls of domainCreate at h1:8081 take longer than 29s.',
  },
  {
    alert: 'KubenovaLibvirtErrors',
    at: '30m',
    fires: { [`kubenova_libvirt_call_errors_total{${agent},procedure="domainCreate",code="38"}`]: '0+30x40' },
    quiet: { [`kubenova_libvirt_call_errors_total{${agent},procedure="domainCreate",code="38"}`]: '0+1x40' },
    labels: { instance: 'h1:8081', code: '38' },
    description: 'Calls of libvirt at h1:8081 fail with 38, 500m a second.',
  },
  {
    alert: 'KubenovaStepSlow',
    at: '60m',
    fires: {
      [`kubenova_step_seconds_sum{${agent},action="create",step="start"}`]: '0+90x70',
      [`kubenova_step_seconds_count{${agent},action="create",step="start"}`]: '0+2x70',
    },
    quiet: {
      [`kubenova_step_seconds_sum{${agent},action="create",step="start"}`]: '0+4x70',
      [`kubenova_step_seconds_count{${agent},action="create",step="start"}`]: '0+2x70',
    },
    labels: { action: 'create', step: 'start' },
    description: 'The step start of create takes 45s on average.',
  },
]

const leadership: AlertCase[] = [
  {
    alert: 'KubenovaNoLeader',
    at: '5m',
    fires: { [`leader_election_master_status{${controller},name="kubenova-controller"}`]: '0+0x10' },
    quiet: {
      [`leader_election_master_status{${controller},name="kubenova-controller"}`]: '0+0x10',
      'leader_election_master_status{job="kubenova-controller",instance="c2:8080",name="kubenova-controller"}':
        '1+0x10',
    },
    labels: {},
    description: 'No server is placed, no request is admitted and no host is watched.',
  },
  {
    alert: 'KubenovaSeveralLeaders',
    at: '5m',
    fires: {
      [`leader_election_master_status{${controller},name="kubenova-controller"}`]: '1+0x10',
      'leader_election_master_status{job="kubenova-controller",instance="c2:8080",name="kubenova-controller"}':
        '1+0x10',
    },
    quiet: { [`leader_election_master_status{${controller},name="kubenova-controller"}`]: '1+0x10' },
    labels: { name: 'kubenova-controller' },
    description: '2 controllers hold the lease kubenova-controller.',
  },
]

const programs: AlertCase[] = [
  {
    alert: 'KubenovaApiShimUnreachable',
    at: '10m',
    fires: { [`up{${shim}}`]: '0+0x20' },
    quiet: { [`up{${shim}}`]: '1+0x20', 'up{job="other",instance="a"}': '0+0x20' },
    labels: { job: 'kubenova-api-shim', instance: 's1:8080' },
    description:
      'Prometheus does not reach the API shim at s1:8080. Clients of OpenStack get no answers if no other one runs.',
  },
  {
    alert: 'KubenovaReconcileErrors',
    at: '40m',
    fires: {
      [`controller_runtime_reconcile_errors_total{${controller},controller="servers"}`]: '0+5x50',
      [`controller_runtime_reconcile_total{${controller},controller="servers",result="error"}`]: '0+5x50',
      [`controller_runtime_reconcile_total{${controller},controller="servers",result="success"}`]: '0+15x50',
    },
    quiet: {
      [`controller_runtime_reconcile_errors_total{${controller},controller="servers"}`]: '0+1x50',
      [`controller_runtime_reconcile_total{${controller},controller="servers",result="success"}`]: '0+50x50',
    },
    labels: { job: 'kubenova-controller', controller: 'servers' },
    description: '25% of the reconciles of servers in kubenova-controller fail.',
  },
  {
    alert: 'KubenovaReconcileTimeouts',
    at: '40m',
    fires: { [`controller_runtime_reconcile_timeouts_total{${agent},controller="servers"}`]: '0+1x50' },
    quiet: { [`controller_runtime_reconcile_timeouts_total{${agent},controller="servers"}`]: '4+0x50' },
    labels: { instance: 'h1:8081', controller: 'servers' },
    description: 'Reconciles of servers at h1:8081 exceed their time limit again and again.',
  },
  {
    alert: 'KubenovaReconcileSlow',
    at: '40m',
    fires: {
      [`controller_runtime_reconcile_time_seconds_bucket{${agent},controller="servers",le="10"}`]: '0+0x50',
      [`controller_runtime_reconcile_time_seconds_bucket{${agent},controller="servers",le="30"}`]: '0+10x50',
      [`controller_runtime_reconcile_time_seconds_bucket{${agent},controller="servers",le="+Inf"}`]: '0+10x50',
    },
    quiet: {
      [`controller_runtime_reconcile_time_seconds_bucket{${agent},controller="servers",le="10"}`]: '0+10x50',
      [`controller_runtime_reconcile_time_seconds_bucket{${agent},controller="servers",le="+Inf"}`]: '0+10x50',
    },
    labels: { job: 'kubenova-agent', controller: 'servers' },
    description: '5 % of the reconciles of servers in kubenova-agent take longer than 29s.',
  },
  {
    alert: 'KubenovaTerminalErrors',
    at: '80m',
    fires: { [`controller_runtime_terminal_reconcile_errors_total{${agent},controller="servers"}`]: '0+1x90' },
    quiet: { [`controller_runtime_terminal_reconcile_errors_total{${agent},controller="servers"}`]: '7+0x90' },
    labels: { job: 'kubenova-agent', controller: 'servers' },
    description: '60 reconciles of servers in kubenova-agent have ended for good within an hour.',
  },
  {
    alert: 'KubenovaReconcilePanics',
    at: '30m',
    fires: { [`controller_runtime_reconcile_panics_total{${controller},controller="servers"}`]: '0+0x20 1+0x20' },
    quiet: { [`controller_runtime_reconcile_panics_total{${controller},controller="servers"}`]: '1+0x40' },
    labels: { instance: 'c1:8080', controller: 'servers' },
    description: 'Reconciles of servers at c1:8080 have met a programming error.',
  },
  {
    alert: 'KubenovaWorkersBusy',
    at: '20m',
    fires: {
      [`controller_runtime_active_workers{${agent},controller="servers"}`]: '10+0x30',
      [`controller_runtime_max_concurrent_reconciles{${agent},controller="servers"}`]: '10+0x30',
    },
    quiet: {
      [`controller_runtime_active_workers{${agent},controller="servers"}`]: '3+0x30',
      [`controller_runtime_max_concurrent_reconciles{${agent},controller="servers"}`]: '10+0x30',
    },
    labels: { job: 'kubenova-agent', instance: 'h1:8081', controller: 'servers' },
    description: 'All 10 workers of servers at h1:8081 are in use.',
  },
  {
    alert: 'KubenovaQueueLong',
    at: '20m',
    fires: { [`workqueue_depth{${controller},name="servers"}`]: '500+0x30' },
    quiet: { [`workqueue_depth{${controller},name="servers"}`]: '500+0x10 0+0x20' },
    labels: { job: 'kubenova-controller', instance: 'c1:8080', name: 'servers' },
    description: '500 keys wait in the queue servers at c1:8080.',
  },
  {
    alert: 'KubenovaWorkRetries',
    at: '40m',
    fires: {
      [`workqueue_retries_total{${agent},name="servers"}`]: '0+8x50',
      [`workqueue_adds_total{${agent},name="servers"}`]: '0+10x50',
    },
    quiet: {
      [`workqueue_retries_total{${agent},name="servers"}`]: '0+1x50',
      [`workqueue_adds_total{${agent},name="servers"}`]: '0+10x50',
    },
    labels: { job: 'kubenova-agent', name: 'servers' },
    description: '80% of the keys of the queue servers in kubenova-agent are added again after a failure.',
  },
  {
    alert: 'KubenovaWorkHangs',
    at: '20m',
    fires: { [`workqueue_longest_running_processor_seconds{${agent},name="servers"}`]: '0+60x30' },
    quiet: { [`workqueue_longest_running_processor_seconds{${agent},name="servers"}`]: '200+0x30' },
    labels: { job: 'kubenova-agent', instance: 'h1:8081', name: 'servers' },
    description: 'Work of the queue servers at h1:8081 has run for 20m 0s.',
  },
]

const connections: AlertCase[] = [
  {
    alert: 'KubenovaListsRepeat',
    at: '40m',
    fires: { [`reflector_lists_total{${controller},name="servers",mode="stream"}`]: '0+2x50' },
    quiet: { [`reflector_lists_total{${controller},name="servers",mode="stream"}`]: '12+0x50' },
    labels: { instance: 'c1:8080', name: 'servers' },
    description: 'c1:8080 has listed servers 30 times within 15 minutes.',
  },
  {
    alert: 'KubenovaWatchesFail',
    at: '40m',
    fires: { [`reflector_watches_total{${agent},name="servers",end="failed"}`]: '0+1x50' },
    quiet: {
      [`reflector_watches_total{${agent},name="servers",end="failed"}`]: '3+0x50',
      [`reflector_watches_total{${agent},name="servers",end="ended"}`]: '0+1x50',
    },
    labels: { instance: 'h1:8081', name: 'servers' },
    description: '15 watches of servers at h1:8081 have failed within 15 minutes.',
  },
  {
    alert: 'KubenovaHandlerErrors',
    at: '30m',
    fires: { [`informer_handler_errors_total{${controller},name="ports"}`]: '0+0x20 1+0x20' },
    quiet: { [`informer_handler_errors_total{${controller},name="ports"}`]: '1+0x40' },
    labels: { instance: 'c1:8080', name: 'ports' },
    description: 'A handler of ports at c1:8080 has thrown an error.',
  },
  {
    alert: 'KubenovaEventsLost',
    at: '40m',
    fires: { [`events_recorded_total{${controller},result="dropped"}`]: '0+4x50' },
    quiet: {
      [`events_recorded_total{${controller},result="dropped"}`]: '4+0x50',
      [`events_recorded_total{${controller},result="sent"}`]: '0+4x50',
    },
    labels: { instance: 'c1:8080', result: 'dropped' },
    description: '60 Events of c1:8080 were dropped within 15 minutes.',
  },
  {
    alert: 'KubenovaApiErrors',
    at: '40m',
    fires: {
      [`rest_client_requests_total{${controller},method="GET",code="<error>",host="api"}`]: '0+1x50',
      [`rest_client_requests_total{${controller},method="PATCH",code="503",host="api"}`]: '0+1x50',
      [`rest_client_requests_total{${controller},method="GET",code="200",host="api"}`]: '0+8x50',
    },
    quiet: {
      [`rest_client_requests_total{${controller},method="PATCH",code="409",host="api"}`]: '0+5x50',
      [`rest_client_requests_total{${controller},method="GET",code="200",host="api"}`]: '0+8x50',
    },
    labels: { job: 'kubenova-controller' },
    description: '20% of the requests of kubenova-controller to the API server fail.',
  },
  {
    alert: 'KubenovaApiSlow',
    at: '40m',
    fires: {
      [`rest_client_request_duration_seconds_bucket{${agent},verb="PATCH",le="2.5"}`]: '0+0x50',
      [`rest_client_request_duration_seconds_bucket{${agent},verb="PATCH",le="5"}`]: '0+10x50',
      [`rest_client_request_duration_seconds_bucket{${agent},verb="PATCH",le="+Inf"}`]: '0+10x50',
    },
    quiet: {
      [`rest_client_request_duration_seconds_bucket{${agent},verb="PATCH",le="1"}`]: '0+10x50',
      [`rest_client_request_duration_seconds_bucket{${agent},verb="PATCH",le="+Inf"}`]: '0+10x50',
    },
    labels: { job: 'kubenova-agent', verb: 'PATCH' },
    description: '5 % of the PATCH requests of kubenova-agent take longer than 4.875s.',
  },
  {
    alert: 'KubenovaProcessStarved',
    at: '20m',
    fires: { [`nodejs_eventloop_lag_max_seconds{${agent}}`]: '3+0x30' },
    quiet: { [`nodejs_eventloop_lag_max_seconds{${agent}}`]: '0.2+0x30' },
    labels: { job: 'kubenova-agent', instance: 'h1:8081' },
    description: 'The event loop of h1:8081 was held up for 3s.',
  },
  {
    alert: 'KubenovaMemoryGrows',
    at: '40h',
    interval: '30m',
    fires: { [`process_resident_memory_bytes{${agent}}`]: '104857600+15728640x90' },
    quiet: { [`process_resident_memory_bytes{${agent}}`]: '524288000+0x90' },
    labels: { job: 'kubenova-agent', instance: 'h1:8081' },
    description: 'h1:8081 uses 1.27GiB, half as much again as a day ago.',
  },
]

export const alertCases: readonly AlertCase[] = [...fleet, ...hosts, ...leadership, ...programs, ...connections]
