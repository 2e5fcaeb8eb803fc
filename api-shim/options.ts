import { type Static, Type } from 'typebox'
import { HttpUrl, NamespaceName } from '../kube/option-types.ts'

export const ShimOptions = Type.Object({
  kubeconfig: Type.Optional(
    Type.String({ description: 'Path of a kubeconfig; default: $KUBECONFIG, or the service account of the pod' }),
  ),
  namespace: NamespaceName({
    default: 'kubenova-system',
    description: 'Namespace of the Secrets with users, token keys, revoked tokens and application credentials',
  }),
  listenAddress: Type.String({ default: '0.0.0.0:8774', description: 'Address that serves the OpenStack APIs' }),
  tlsCert: Type.Optional(
    Type.String({
      description: 'Path of the PEM certificate of the server; absent: plain HTTP, for a proxy that ends TLS',
    }),
  ),
  tlsKey: Type.Optional(Type.String({ description: 'Path of the PEM key of that certificate' })),
  publicUrl: Type.Optional(
    HttpUrl({
      description:
        'Address under which clients reach the shim, such as https://cloud.example.com; default: the address of each request',
    }),
  ),
  trustProxy: Type.Boolean({
    default: false,
    description: 'Take protocol and host of a request from the X-Forwarded headers, which a proxy in front must set',
  }),
  imageDir: Type.Optional(
    Type.String({
      description:
        'Directory for uploaded images, on a volume that all replicas share; absent: the Image API takes no uploads',
    }),
  ),
  imageMaxGib: Type.Integer({ default: 64, minimum: 1, maximum: 65_536, description: 'Largest upload, in GiB' }),
  imageUrl: Type.Optional(
    HttpUrl({
      description:
        'Address under which the hosts fetch uploaded images, not a loopback one; default: publicUrl, or the address of the upload',
    }),
  ),
  enableInstancePassword: Type.Boolean({
    default: true,
    description: 'Give each new server a password, and return it in the answer, as enable_instance_password in Nova',
  }),
  region: Type.String({ default: 'RegionOne', minLength: 1, description: 'Name of the region in the catalog' }),
  authType: Type.Enum(['embedded', 'none'], {
    default: 'embedded',
    description:
      'embedded: users from a Secret, roles from RBAC. none: everybody is the administrator kubenova:no-auth; for a laptop only',
  }),
  noAuthNamespace: NamespaceName({ default: 'default', description: 'The project of all requests with authType none' }),
  tokenSeconds: Type.Integer({ default: 3600, minimum: 60, maximum: 86_400, description: 'How long a token is valid' }),
  metricsAddress: Type.String({
    default: '0.0.0.0:8080',
    description: 'Address that serves /metrics, /healthz and /readyz',
  }),
  logLevel: Type.Enum(['debug', 'info', 'warn', 'error'], {
    default: 'info',
    description: 'Lowest level that is logged',
  }),
})
export type ShimOptions = Static<typeof ShimOptions>
