{{/*
A Deployment with its PodDisruptionBudget. The argument is a dict:
  root       the root context
  component  the component's name
  values     the values of the component
  image      the value `image` with the container's image
  command    the command; absent: that of the image
  args       flags that the chart itself sets
  ports      the container's ports by their names, beside that of the metrics
  volumes, mounts  volumes that the chart itself adds, and their mounts
  lifecycle  the container's lifecycle hooks
*/}}
{{- define "kubenova.deployment" -}}
{{- $root := .root }}
{{- $values := .values }}
{{- $mounts := concat (default list .mounts) $values.extraVolumeMounts }}
{{- $volumes := concat (default list .volumes) $values.extraVolumes }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: kubenova-{{ .component }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "kubenova.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  replicas: {{ $values.replicas }}
  selector:
    matchLabels:
      {{- include "kubenova.selector" .component | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "kubenova.labels" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        kubectl.kubernetes.io/default-container: {{ .component }}
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: kubenova-{{ .component }}
      automountServiceAccountToken: true
      enableServiceLinks: false
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      priorityClassName: {{ $values.priorityClassName | quote }}
      terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
      securityContext:
        {{- toYaml $values.podSecurityContext | nindent 8 }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.topologySpreadConstraints }}
      topologySpreadConstraints:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ include "kubenova.image" (list $root .image) }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          {{- with .command }}
          command:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          args:
            - --namespace={{ $root.Release.Namespace }}
            - --metrics-address=0.0.0.0:{{ $values.metricsPort }}
            {{- range .args }}
            - {{ . }}
            {{- end }}
            {{- with $values.options }}
            {{- include "kubenova.options" . | trim | nindent 12 }}
            {{- end }}
          {{- with $values.env }}
          env:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            - name: metrics
              containerPort: {{ $values.metricsPort }}
            {{- range $name, $port := .ports }}
            - name: {{ $name }}
              containerPort: {{ $port }}
            {{- end }}
          {{- include "kubenova.probes" $root | nindent 10 }}
          {{- with .lifecycle }}
          lifecycle:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            {{- toYaml $values.securityContext | nindent 12 }}
          {{- with $mounts }}
          volumeMounts:
            {{- toYaml . | nindent 12 }}
          {{- end }}
      {{- with $volumes }}
      volumes:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- if and $values.podDisruptionBudget.enabled (gt (int $values.replicas) 1) }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: kubenova-{{ .component }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "kubenova.labels" $root | nindent 4 }}
spec:
  maxUnavailable: {{ $values.podDisruptionBudget.maxUnavailable }}
  selector:
    matchLabels:
      {{- include "kubenova.selector" .component | nindent 6 }}
{{- end }}
{{- end }}
