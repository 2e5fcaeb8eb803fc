{{/*
How Prometheus reads the metrics of a component. Alerts and dashboards use the labels job and node. The arguments are the
root context and the component's name.
*/}}
{{- define "kubenova.scrape" -}}
interval: {{ (index . 0).Values.monitoring.interval }}
relabelings:
  - targetLabel: job
    replacement: kubenova-{{ index . 1 }}
  - sourceLabels: [__meta_kubernetes_pod_node_name]
    targetLabel: node
{{- end }}
