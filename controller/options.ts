/** The reference documentation is generated from these flags and environment variables (KUBENOVA_…). */
import { type Static, Type } from 'typebox'
import { NamespaceName } from '../kube/option-types.ts'

export const ControllerOptions = Type.Object({
  kubeconfig: Type.Optional(
    Type.String({ description: 'Path of a kubeconfig; default: $KUBECONFIG, or the service account of the pod' }),
  ),
  namespace: NamespaceName({
    default: 'kubenova-system',
    description: 'Namespace of the Leases of the controller and the hosts',
  }),
  metricsAddress: Type.String({
    default: '0.0.0.0:8080',
    description: 'Address that serves /metrics, /healthz and /readyz',
  }),
  logLevel: Type.Enum(['debug', 'info', 'warn', 'error'], {
    default: 'info',
    description: 'Lowest level that is logged',
  }),
  concurrency: Type.Integer({
    default: 16,
    minimum: 1,
    maximum: 256,
    description: 'How many servers are reconciled at the same time',
  }),
  leaseSeconds: Type.Integer({
    default: 15,
    minimum: 3,
    description:
      'Duration of the leader’s Lease: after it, another controller takes over from one that died; a leader that cannot renew for two thirds of it exits',
  }),
  actionRecordCount: Type.Integer({
    default: 50,
    minimum: 0,
    description: 'How many finished ServerActions are kept for each server',
  }),
  actionRecordMaxAgeHours: Type.Integer({
    default: 720,
    minimum: 1,
    description: 'How long finished ServerActions are kept at most',
  }),
  deletedServerCount: Type.Integer({
    default: 500,
    minimum: 0,
    description: 'How many deleted servers are remembered for each project',
  }),
  deletedServerHours: Type.Integer({
    default: 24,
    minimum: 1,
    description: 'How long deleted servers are remembered at most',
  }),
  hostStatusSeconds: Type.Integer({
    default: 60,
    minimum: 1,
    description: 'How often the usage of a host is written into its status at most; metrics show it at once',
  }),
})
export type ControllerOptions = Static<typeof ControllerOptions>
