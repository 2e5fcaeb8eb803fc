/** The controller's flags and environment (KUBENOVA_…); the reference page is made from this. */
import { type Static, Type } from 'typebox'

export const ControllerOptions = Type.Object({
  kubeconfig: Type.Optional(
    Type.String({ description: 'Path of a kubeconfig; default: $KUBECONFIG, or the pod’s own account' }),
  ),
  namespace: Type.String({
    default: 'kubenova-system',
    description: 'Namespace of the leases of controller and hosts',
  }),
  metricsAddress: Type.String({
    default: '0.0.0.0:8080',
    description: 'Where /metrics, /healthz and /readyz are served',
  }),
  logLevel: Type.Enum(['debug', 'info', 'warn', 'error'], {
    default: 'info',
    description: 'Least level that is logged',
  }),
  concurrency: Type.Integer({
    default: 16,
    minimum: 1,
    maximum: 256,
    description: 'Servers worked on at the same time',
  }),
  leaseSeconds: Type.Integer({
    default: 15,
    minimum: 3,
    description:
      'When another controller may take over from one that has died; one that cannot renew for two thirds of it ends',
  }),
  recordCount: Type.Integer({ default: 50, minimum: 0, description: 'Ended ServerActions kept for each server' }),
  recordMaxAgeHours: Type.Integer({ default: 720, minimum: 1, description: 'Ended ServerActions are kept no longer' }),
  hostStatusSeconds: Type.Integer({
    default: 60,
    minimum: 1,
    description: 'What is used of a host is written into its status at most this often; metrics have it at once',
  }),
})
export type ControllerOptions = Static<typeof ControllerOptions>
