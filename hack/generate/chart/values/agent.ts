/** The values of the agents' DaemonSet. */
import { Type } from 'typebox'
import { AgentOptions } from '../../../../agent/options.ts'
import {
  GracePeriod,
  HostPath,
  Image,
  KubernetesList,
  KubernetesObject,
  Port,
  programOptions,
  StringMap,
  workloadValues,
} from './parts.ts'

const setByChart = ['kubeconfig', 'namespace', 'hostName', 'hostIp', 'metricsAddress', 'stateDir', 'imageDir', 'runDir']

export const agentValues = Type.Object({
  enabled: Type.Boolean({
    description: 'Run the agents as a DaemonSet. With false they run outside of Pods.',
    default: true,
  }),
  image: Image('kubenova-agent'),
  options: programOptions('agent', AgentOptions, setByChart),
  metricsPort: Port('Port of /metrics, /healthz and /readyz on the host.', 8081),
  resources: KubernetesObject(
    'Requests and limits. Measured: 85 MB with 50 domains; dnsmasq and qemu-img of the agent count as well.',
    { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '2Gi' } },
  ),
  priorityClassName: Type.String({ description: 'Priority class of the Pods.', default: 'system-node-critical' }),
  nodeSelector: StringMap('Labels of the nodes that are hypervisors.', { 'compute.kubenova.io/hypervisor': 'true' }),
  tolerations: KubernetesList(
    'Tolerations of the Pods. Default: all taints, because guests need their agent also on a drained node.',
    [{ operator: 'Exists' }],
  ),
  affinity: KubernetesObject('Affinity of the Pods.'),
  maxUnavailable: Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: '^[0-9]+%$' })], {
    description: 'How many agents an upgrade replaces at once: a number, or a percentage such as 10%.',
    default: 1,
  }),
  terminationGracePeriodSeconds: GracePeriod(),
  stateDir: HostPath('Directory of the host for disks, image cache and network state.', '/var/lib/kubenova'),
  imageDir: HostPath(
    'The only directory of the host from which images with a file: URL are read.',
    '/var/lib/kubenova/images',
  ),
  runDir: HostPath('Directory of the host for sockets.', '/run/kubenova'),
  libvirtDir: HostPath("Directory of the host with libvirt's socket.", '/run/libvirt'),
  securityContext: KubernetesObject('Security context of the container.', {
    readOnlyRootFilesystem: true,
    capabilities: {
      drop: ['ALL'],
      // SECURITY.md has the reason for each.
      add: [
        'CHOWN',
        'DAC_OVERRIDE',
        'FOWNER',
        'KILL',
        'NET_ADMIN',
        'NET_BIND_SERVICE',
        'NET_RAW',
        'SETGID',
        'SETUID',
        'SYS_ADMIN',
      ],
    },
    seccompProfile: { type: 'RuntimeDefault' },
    // AppArmor's default profile forbids mounts, which named network namespaces need.
    appArmorProfile: { type: 'Unconfined' },
  }),
  ...workloadValues,
})
