{{/* The labels of all objects. The argument is the root context. */}}
{{- define "kubenova.labels" -}}
app.kubernetes.io/part-of: kubenova
app.kubernetes.io/name: kubenova
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The labels by which a workload finds its Pods. They cannot change in an upgrade. The argument is the component's name. */}}
{{- define "kubenova.selector" -}}
app.kubernetes.io/part-of: kubenova
app.kubernetes.io/component: {{ . }}
{{- end }}

{{/* The reference of an image. The arguments are the root context and the value `image` of a workload. */}}
{{- define "kubenova.image" -}}
{{- $root := index . 0 }}
{{- $image := index . 1 }}
{{- $name := printf "%s/%s" $root.Values.image.registry $image.repository }}
{{- if $image.digest }}
{{- printf "%s@%s" $name $image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default $root.Chart.AppVersion $root.Values.image.tag) }}
{{- end }}
{{- end }}

{{/* The options of a program as flags. Whole numbers would otherwise be written like 1e+06. */}}
{{- define "kubenova.options" -}}
{{- range $name, $value := . }}
{{- if kindIs "bool" $value }}
- --{{ if not $value }}no-{{ end }}{{ kebabcase $name }}
{{- else }}
- --{{ kebabcase $name }}={{ if kindIs "float64" $value }}{{ int64 $value }}{{ else }}{{ $value }}{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{/*
The manifests of a folder in files/, with the release's namespace and the labels of the chart. The arguments are the root
context and a pattern of files. The rights of the API shim, and those of its administrators, are left out unless they are enabled.
The values of an earlier chart, which `helm upgrade --reuse-values` keeps, have no apiShim.identity.
*/}}
{{- define "kubenova.manifests" -}}
{{- $root := index . 0 }}
{{- $shim := $root.Values.apiShim }}
{{- $isWritable := dig "identity" "writable" true $shim }}
{{- $onRequest := dict "api-shim.yaml" $shim.enabled "identity-admin.yaml" (and $shim.enabled $isWritable) }}
{{- range $path, $text := $root.Files.Glob (index . 1) }}
{{- if dig (base $path) true $onRequest }}
{{- range splitList "\n---\n" (toString $text | replace "kubenova-system" $root.Release.Namespace) }}
{{- $manifest := fromYaml . }}
{{- $labels := include "kubenova.labels" $root | fromYaml | merge (default dict $manifest.metadata.labels) }}
{{- range $label := keys $labels }}
{{- if and (hasPrefix "rbac.authorization.k8s.io/aggregate-to-" $label) (not $root.Values.rbac.aggregate) }}
{{- $labels = omit $labels $label }}
{{- end }}
{{- end }}
{{- $_ := set $manifest.metadata "labels" $labels }}
---
{{ toYaml $manifest }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The default of the agent's option diskDirs. */}}
{{- define "kubenova.defaultDiskDir" -}}
/var/lib/libvirt/images
{{- end }}

{{/*
The directories of the agent's option diskDirs that the agent's Pod must mount, as a YAML list. It leaves out a directory that
another mount of the Pod has. For a directory below /dev it has /dev, because names such as /dev/VG/LV are links to devices in /dev.
*/}}
{{- define "kubenova.diskDirs" -}}
{{- $values := .Values.agent }}
{{- $mounted := list $values.stateDir $values.imageDir $values.runDir $values.libvirtDir }}
{{- range $values.extraVolumeMounts }}
{{- $mounted = append $mounted (clean (default "" .mountPath)) }}
{{- end }}
{{- $found := list }}
{{- range dig "diskDirs" (include "kubenova.defaultDiskDir" .) $values.options | splitList "," }}
{{- $dir := trim . }}
{{- if and $dir (not (hasPrefix "/" $dir)) }}
{{- fail (printf "agent.options.diskDirs: %s is no absolute path: write directories as /backup,/dev/vg0" $dir) }}
{{- end }}
{{- $dir = ternary "/dev" (clean $dir) (hasPrefix "/dev/" $dir) }}
{{- if not (or (eq $dir ".") (has $dir $mounted) (hasPrefix (printf "%s/" $values.stateDir) $dir)) }}
{{- $found = append $found $dir }}
{{- end }}
{{- end }}
{{- uniq $found | toYaml }}
{{- end }}

{{/* The probes of controller, agent and API shim. /healthz fails if the process hangs, /readyz until its caches are filled. */}}
{{- define "kubenova.probes" -}}
startupProbe:
  httpGet:
    path: /healthz
    port: metrics
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet:
    path: /healthz
    port: metrics
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet:
    path: /readyz
    port: metrics
  periodSeconds: 5
  timeoutSeconds: 5
{{- end }}

{{/* The subjects of a role binding. A ServiceAccount that names no namespace is one of the binding's own. */}}
{{- define "kubenova.subjects" -}}
{{- $namespace := index . 1 }}
{{- range index . 0 }}
- kind: {{ .kind }}
  name: {{ .name | quote }}
  {{- if eq .kind "ServiceAccount" }}
  namespace: {{ default $namespace .namespace }}
  {{- else }}
  apiGroup: rbac.authorization.k8s.io
  {{- end }}
{{- end }}
{{- end }}

{{/* The Pods of all hooks have these fields. They run the controller's image and are placed like the controller. */}}
{{- define "kubenova.hookPod" -}}
{{- $values := .Values.controller -}}
automountServiceAccountToken: true
enableServiceLinks: false
restartPolicy: Never
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml $values.podSecurityContext | nindent 2 }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "kubenova.hookContainer" -}}
{{- $values := .Values.controller -}}
image: {{ include "kubenova.image" (list . $values.image) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
command: [/usr/local/bin/node, /opt/kubenova/hooks.mjs]
terminationMessagePolicy: FallbackToLogsOnError
resources:
  requests:
    cpu: 10m
    memory: 64Mi
  limits:
    memory: 256Mi
securityContext:
  {{- toYaml $values.securityContext | nindent 2 }}
{{- end }}
