/** The values of the controller's Deployment. */
import { Type } from 'typebox'
import { ControllerOptions } from '../../../../controller/options.ts'
import { deploymentValues } from './deployment.ts'
import { Image, KubernetesObject, programOptions } from './parts.ts'

export const controllerValues = Type.Object({
  replicas: Type.Integer({
    description: 'Number of Pods. One leads, the others stand by.',
    default: 2,
    minimum: 1,
    maximum: 10,
  }),
  image: Image('kubenova-controller'),
  options: programOptions('controller', ControllerOptions, ['kubeconfig', 'namespace', 'metricsAddress']),
  resources: KubernetesObject('Requests and limits. Measured: 190 MB with 10,000 Servers, 220 MB while it starts.', {
    requests: { cpu: '50m', memory: '128Mi' },
    limits: { memory: '1Gi' },
  }),
  ...deploymentValues('controller', { note: '; the Pods of hooks have the same' }),
})
