import { type Static, Type } from 'typebox'
import { AbsolutePath, NamespaceName, ProxyUrl } from '../kube/option-types.ts'

export const AgentOptions = Type.Object({
  kubeconfig: Type.Optional(
    Type.String({ description: 'Path of a kubeconfig; default: $KUBECONFIG, or the pod’s own account' }),
  ),
  namespace: NamespaceName({ default: 'kubenova-system', description: 'Namespace of the leases' }),
  hostName: Type.Optional(Type.String({ description: 'Name of the Hypervisor; default: the host’s name' })),
  hostIp: Type.Optional(
    Type.String({
      description: 'Address of the host, as other hosts reach it; default: the first that is not loopback',
    }),
  ),
  libvirtUri: Type.String({
    default: 'qemu:///system',
    description: 'libvirt’s connection URI',
    pattern: String.raw`^[a-z]+(\+(unix|tcp|tls))?://[^/\s]*/\S*$`,
    mustBe: 'a libvirt URI, such as qemu:///system or qemu+tcp://HOST/system',
  }),
  domainType: Type.Enum(['auto', 'kvm', 'qemu'], {
    default: 'auto',
    description: 'auto: KVM if a small probe domain runs with it on this host, otherwise emulation',
  }),
  stateDir: AbsolutePath({
    default: '/var/lib/kubenova',
    description: 'Directory of disks, image cache and network state',
  }),
  imageDir: AbsolutePath({
    default: '/var/lib/kubenova/images',
    description: 'The only directory from which images with a file: URL are read',
  }),
  diskDirs: Type.String({
    default: '/var/lib/libvirt/images',
    description:
      'Directories in which a disk of a server may be beside the server’s own directory, separated by commas: where backup programs put overlays, or /dev/VG for volumes of LVM',
  }),
  runDir: AbsolutePath({ default: '/run/kubenova', description: 'Directory of sockets' }),
  rootDisk: Type.Enum(['overlay', 'flat'], {
    default: 'overlay',
    description: 'Root disks: overlays of the cached image, or copies',
  }),
  imageCacheGib: Type.Integer({
    default: 100,
    minimum: 1,
    description: 'Size of the image cache above which images that no server uses are removed',
  }),
  imageMaxGib: Type.Integer({
    default: 1024,
    minimum: 1,
    description: 'Largest file that is downloaded as an image',
  }),
  imageMinFreeGib: Type.Optional(
    Type.Integer({
      minimum: 0,
      description:
        'Space of the file system that images and copied root disks leave free; default: a tenth of it, at most 10',
    }),
  ),
  imageStallSeconds: Type.Integer({
    default: 60,
    minimum: 1,
    description:
      'Time without data after which an image download is retried; it fails after six attempts in a row without data',
  }),
  imageCaFile: Type.Optional(
    AbsolutePath({
      description:
        'Absolute path of a PEM file of certificate authorities that are trusted for images from https URLs, beside the well-known ones; read again for each download',
    }),
  ),
  imageProxy: Type.Optional(
    ProxyUrl({
      description:
        'URL of the proxy through which images are downloaded, such as http://proxy.example.org:3128; may have a user and a password, then better as environment variable',
    }),
  ),
  imageNoProxy: Type.String({
    default: '',
    description:
      'Hosts whose images are downloaded without the proxy, separated by commas: names with their subdomains, addresses, networks, or *',
  }),
  metricsAddress: Type.String({
    default: '0.0.0.0:8081',
    description: 'Address that serves /metrics, /healthz and /readyz, and answers the questions of the API shim',
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
  maxAttempts: Type.Integer({
    default: 4,
    minimum: 1,
    description: 'Attempts of an action before its error becomes a fault',
  }),
  restartDelaySeconds: Type.Integer({
    default: 10,
    minimum: 0,
    maximum: 300,
    description:
      'A domain that ends by itself is started again at once. If it ends again within ten minutes, it is started after this delay, which doubles each time up to five minutes',
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
  syncSeconds: Type.Integer({
    default: 60,
    minimum: 5,
    description: 'How often all servers, networks and files are compared with the host',
  }),
})
export type AgentOptions = Static<typeof AgentOptions>
