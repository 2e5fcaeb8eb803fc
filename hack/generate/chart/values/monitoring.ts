import { Type } from 'typebox'
import { StringMap } from './parts.ts'

const toggle = (description: string) => Type.Boolean({ description, default: false })

export const monitoringValues = Type.Object({
  podMonitor: Type.Object({
    enabled: toggle('Create PodMonitors of the Prometheus operator for the controller, the agents and the API shim.'),
  }),
  serviceMonitor: Type.Object({
    enabled: toggle('Create Services and ServiceMonitors instead, where Prometheus reads no PodMonitors.'),
  }),
  interval: Type.String({
    description: 'How often Prometheus reads the metrics.',
    default: '30s',
    pattern: '^[1-9][0-9]*(ms|s|m)$',
  }),
  labels: StringMap(
    'Labels by which Prometheus finds PodMonitors, ServiceMonitors and rules, such as release: prometheus.',
  ),
  alerts: Type.Object({
    enabled: toggle('Create a PrometheusRule with the alerts of docs/guide/alerts.md.'),
    disabled: Type.Array(Type.String({ pattern: '^Kubenova[A-Za-z]+$' }), {
      description: 'Names of alerts to leave out, such as KubenovaTerminalErrors.',
      default: [],
    }),
    labels: StringMap('Further labels of all alerts, such as team: cloud.'),
    runbookUrl: Type.String({
      description:
        'Address of docs/guide/alerts.md where your operators can read it. The annotation runbook_url of each alert is its section there. Default: the path in the repository.',
      default: 'docs/guide/alerts.md',
      minLength: 1,
    }),
  }),
  dashboards: Type.Object({
    enabled: toggle(
      'Create a ConfigMap with a dashboard for Grafana for the fleet, for a host and for the control plane.',
    ),
    labels: StringMap('Labels by which Grafana finds the ConfigMaps.', { grafana_dashboard: '1' }),
    annotations: StringMap('Annotations of the ConfigMaps, such as grafana_folder: Kubenova.'),
  }),
})

export const argocdValues = Type.Object({
  customizations: toggle(
    'Put health checks and actions into the settings of Argo CD (ConfigMap argocd-cm). Only if Argo CD installs the chart; otherwise apply argocd/argocd-cm.yaml with kubectl.',
  ),
  namespace: Type.String({ description: 'Namespace of Argo CD.', default: 'argocd', minLength: 1 }),
})
