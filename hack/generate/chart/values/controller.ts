/** The values of the controller's Deployment. */
import { Type } from 'typebox'
import { ControllerOptions } from '../../../../controller/options.ts'
import { Image, KubernetesList, KubernetesObject, Port, programOptions, StringMap, workloadValues } from './parts.ts'

const spreadOver = (topologyKey: string) => ({
  maxSkew: 1,
  topologyKey,
  whenUnsatisfiable: 'ScheduleAnyway',
  labelSelector: { matchLabels: { 'app.kubernetes.io/component': 'controller' } },
})

export const controllerValues = Type.Object({
  replicas: Type.Integer({
    description: 'Number of Pods. One leads, the others stand by.',
    default: 2,
    minimum: 1,
    maximum: 10,
  }),
  image: Image('kubenova-controller'),
  options: programOptions('controller', ControllerOptions, ['kubeconfig', 'namespace', 'metricsAddress']),
  metricsPort: Port('Port of /metrics, /healthz and /readyz.', 8080),
  resources: KubernetesObject('Requests and limits. Measured: 190 MB with 10,000 Servers, 220 MB while it starts.', {
    requests: { cpu: '50m', memory: '128Mi' },
    limits: { memory: '1Gi' },
  }),
  priorityClassName: Type.String({ description: 'Priority class of the Pods.', default: 'system-cluster-critical' }),
  nodeSelector: StringMap('Labels of the nodes on which the Pods may run.', { 'kubernetes.io/os': 'linux' }),
  tolerations: KubernetesList('Tolerations of the Pods.'),
  affinity: KubernetesObject('Affinity of the Pods.'),
  topologySpreadConstraints: KubernetesList('How the Pods are spread over zones and nodes.', [
    spreadOver('topology.kubernetes.io/zone'),
    spreadOver('kubernetes.io/hostname'),
  ]),
  podDisruptionBudget: Type.Object({
    enabled: Type.Boolean({
      description: 'Create a PodDisruptionBudget if there is more than one Pod.',
      default: true,
    }),
    maxUnavailable: Type.Integer({ description: 'How many Pods may be evicted at once.', default: 1, minimum: 1 }),
  }),
  terminationGracePeriodSeconds: Type.Integer({ description: 'Time to stop.', default: 30, minimum: 1 }),
  podSecurityContext: KubernetesObject('Security context of the Pods; also of the Pods of hooks.', {
    runAsNonRoot: true,
    runAsUser: 65_532,
    runAsGroup: 65_532,
    seccompProfile: { type: 'RuntimeDefault' },
  }),
  securityContext: KubernetesObject('Security context of the containers; also of those of hooks.', {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  }),
  ...workloadValues,
})
