import { Type } from 'typebox'
import { ShimOptions } from '../../../../api-shim/options.ts'
import { deploymentValues } from './deployment.ts'
import { GracePeriod, KubernetesList, KubernetesObject, Port, programOptions, StringMap } from './parts.ts'

const optionsOfChart = ['kubeconfig', 'namespace', 'listenAddress', 'metricsAddress', 'tlsCert', 'tlsKey', 'imageDir']

/** The sleep of the preStop hook in templates/api-shim/deployment.yaml. The grace period contains it. */
const PRE_STOP_SECONDS = 5

const text = (description: string, value = '') => Type.String({ description, default: value })
const toggle = (description: string, value = false) => Type.Boolean({ description, default: value })

const imageValues = Type.Object({
  enabled: toggle('Take uploads of images, and keep them on a volume that all Pods share.'),
  existingClaim: text('A PersistentVolumeClaim that exists already. Default: the chart creates one.'),
  storageClassName: text("Storage class of the chart's claim. Default: that of the cluster."),
  accessModes: Type.Array(Type.Enum(['ReadWriteOnce', 'ReadWriteMany']), {
    description: "Access modes of the chart's claim. ReadWriteOnce is enough for one Pod only.",
    default: ['ReadWriteMany'],
    minItems: 1,
  }),
  size: Type.String({
    description: "Size of the chart's claim.",
    default: '100Gi',
    pattern: '^[1-9][0-9]*(Mi|Gi|Ti)$',
  }),
  keep: toggle("Keep the chart's claim, and so the images, at `helm uninstall`.", true),
})

const ingressValues = Type.Object({
  enabled: toggle('Create an Ingress.'),
  className: text('Class of the Ingress. Default: that of the cluster.'),
  annotations: StringMap('Annotations of the Ingress, such as those of cert-manager.'),
  host: text('Host name of the Ingress. Default: every host name.'),
  tlsSecretName: text(
    'Secret with the certificate of the host name. The shim then answers with links to https://HOST, unless its options publicUrl or trustProxy are set. Default: plain HTTP.',
  ),
})

const routeValues = Type.Object({
  enabled: toggle('Create an HTTPRoute of the Gateway API.'),
  parentRefs: KubernetesList('The Gateways of the route, such as `- name: public`.'),
  hostnames: Type.Array(Type.String({ minLength: 1 }), { description: 'Host names of the route.', default: [] }),
})

export const apiShimValues = Type.Object({
  enabled: toggle("Serve the APIs of OpenStack. The Pods' account may then impersonate every user."),
  replicas: Type.Integer({ description: 'Number of Pods. All of them serve.', default: 2, minimum: 1, maximum: 20 }),
  options: programOptions('API shim', ShimOptions, optionsOfChart),
  port: Port('Port of the APIs in the Pods.', 8774),
  service: Type.Object({
    type: Type.Enum(['ClusterIP', 'NodePort', 'LoadBalancer'], {
      description: 'Type of the Service.',
      default: 'ClusterIP',
    }),
    port: Port('Port of the Service.', 8774),
    annotations: StringMap('Annotations of the Service.'),
  }),
  tls: Type.Object({
    secretName: text('Secret of the type kubernetes.io/tls with which the Pods serve HTTPS. Default: plain HTTP.'),
  }),
  identity: Type.Object({
    writable: toggle(
      'Let administrators create projects, users and roles through the identity API. With false, clients can only read them.',
      true,
    ),
  }),
  images: imageValues,
  ingress: ingressValues,
  httpRoute: routeValues,
  resources: KubernetesObject('Requests and limits.', {
    requests: { cpu: '50m', memory: '128Mi' },
    limits: { memory: '1Gi' },
  }),
  ...deploymentValues('api-shim', { note: '', more: { fsGroup: 65_532 } }),
  terminationGracePeriodSeconds: GracePeriod({ preStopSeconds: PRE_STOP_SECONDS }),
})
