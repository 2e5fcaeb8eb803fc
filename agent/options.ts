/** The agent's flags and environment (KUBENOVA_…); the reference page is made from this. */
import { type Static, Type } from 'typebox'

export const AgentOptions = Type.Object({
  kubeconfig: Type.Optional(
    Type.String({ description: 'Path of a kubeconfig; default: $KUBECONFIG, or the pod’s own account' }),
  ),
  namespace: Type.String({ default: 'kubenova-system', description: 'Namespace of the leases' }),
  hostName: Type.Optional(Type.String({ description: 'Name of the Hypervisor; default: the host’s name' })),
  hostIp: Type.Optional(
    Type.String({
      description: 'Address of the host, as other hosts reach it; default: the first that is not loopback',
    }),
  ),
  libvirtUri: Type.String({ default: 'qemu:///system', description: 'libvirt’s connection URI' }),
  domainType: Type.Enum(['auto', 'kvm', 'qemu'], {
    default: 'auto',
    description: 'auto: KVM, if a small domain shows that it runs guests here, else emulation',
  }),
  stateDir: Type.String({ default: '/var/lib/kubenova', description: 'Disks, image cache and network state' }),
  imageDir: Type.String({
    default: '/var/lib/kubenova/images',
    description: 'Images with a file: URL are read from below this directory only',
  }),
  runDir: Type.String({ default: '/run/kubenova', description: 'Sockets' }),
  rootDisk: Type.Enum(['overlay', 'flat'], {
    default: 'overlay',
    description: 'Root disks: overlays of the cached image, or copies',
  }),
  imageCacheGib: Type.Integer({
    default: 100,
    minimum: 1,
    description: 'Images that no server uses go beyond this size',
  }),
  imageMaxGib: Type.Integer({
    default: 1024,
    minimum: 1,
    description: 'Largest file that is fetched as an image',
  }),
  imageMinFreeGib: Type.Optional(
    Type.Integer({
      minimum: 0,
      description:
        'Images, and root disks that are copies of them, leave so much of the file system free; default: a tenth of it, and no more than 10',
    }),
  ),
  imageStallSeconds: Type.Integer({
    default: 60,
    minimum: 1,
    description:
      'A source of images that sends nothing for so long is asked anew; after six times in a row that is a failure',
  }),
  metricsAddress: Type.String({
    default: '0.0.0.0:8081',
    description: 'Address that serves /metrics, /healthz and /readyz',
  }),
  logLevel: Type.Enum(['debug', 'info', 'warn', 'error'], {
    default: 'info',
    description: 'Lowest level that is logged',
  }),
  concurrency: Type.Integer({
    default: 10,
    minimum: 1,
    maximum: 256,
    description: 'Servers worked on at the same time',
  }),
  shutdownTimeoutSeconds: Type.Integer({ default: 60, minimum: 0, description: 'Time that a guest gets to power off' }),
  downAfterSeconds: Type.Integer({
    default: 30,
    minimum: 3,
    description: 'The host counts as down when its lease is this old',
  }),
  maxAttempts: Type.Integer({ default: 4, minimum: 1, description: 'Tries of an action before an error is a fault' }),
  restartDelaySeconds: Type.Integer({
    default: 10,
    minimum: 0,
    maximum: 300,
    description:
      'A domain that ends by itself is started again at once; within ten minutes of that, so long after it, and twice as long each time, up to five minutes',
  }),
  consoleLogMib: Type.Integer({
    default: 4,
    minimum: 1,
    description: 'Size at which a console log is rotated; one older file is kept',
  }),
  orphanGraceSeconds: Type.Integer({
    default: 120,
    minimum: 0,
    description: 'Domains of servers that the API server does not know are removed after this time',
  }),
  syncSeconds: Type.Integer({ default: 60, minimum: 5, description: 'How often everything is compared anew' }),
})
export type AgentOptions = Static<typeof AgentOptions>
