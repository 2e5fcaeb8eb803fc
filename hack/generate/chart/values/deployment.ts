import { Type } from 'typebox'
import { GracePeriod, KubernetesList, KubernetesObject, Port, StringMap, workloadValues } from './parts.ts'

const spreadOver = (topologyKey: string, component: string) => ({
  maxSkew: 1,
  topologyKey,
  whenUnsatisfiable: 'ScheduleAnyway',
  labelSelector: { matchLabels: { 'app.kubernetes.io/component': component } },
})

/** @param podSecurityContext what the Pods' security context has beside the usual members */
export const deploymentValues = (component: string, podSecurityContext: { note: string; more?: object }) => ({
  metricsPort: Port('Port of /metrics, /healthz and /readyz.', 8080),
  priorityClassName: Type.String({ description: 'Priority class of the Pods.', default: 'system-cluster-critical' }),
  nodeSelector: StringMap('Labels of the nodes on which the Pods may run.', { 'kubernetes.io/os': 'linux' }),
  tolerations: KubernetesList('Tolerations of the Pods.'),
  affinity: KubernetesObject('Affinity of the Pods.'),
  topologySpreadConstraints: KubernetesList('How the Pods are spread over zones and nodes.', [
    spreadOver('topology.kubernetes.io/zone', component),
    spreadOver('kubernetes.io/hostname', component),
  ]),
  podDisruptionBudget: Type.Object({
    enabled: Type.Boolean({
      description: 'Create a PodDisruptionBudget if there is more than one Pod.',
      default: true,
    }),
    maxUnavailable: Type.Integer({ description: 'How many Pods may be evicted at once.', default: 1, minimum: 1 }),
  }),
  terminationGracePeriodSeconds: GracePeriod(),
  podSecurityContext: KubernetesObject(`Security context of the Pods${podSecurityContext.note}.`, {
    runAsNonRoot: true,
    runAsUser: 65_532,
    runAsGroup: 65_532,
    ...podSecurityContext.more,
    seccompProfile: { type: 'RuntimeDefault' },
  }),
  securityContext: KubernetesObject(`Security context of the containers${podSecurityContext.note}.`, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  }),
  ...workloadValues,
})
