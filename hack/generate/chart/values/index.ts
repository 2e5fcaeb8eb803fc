import { Type } from 'typebox'
import { agentValues } from './agent.ts'
import { apiShimValues } from './api-shim.ts'
import { commonValues } from './common.ts'
import { controllerValues } from './controller.ts'
import { argocdValues, monitoringValues } from './monitoring.ts'

const { image, imagePullSecrets, commonLabels, extraObjects, ...rest } = commonValues

export const chartValues = Type.Object({
  image,
  imagePullSecrets,
  commonLabels,
  controller: controllerValues,
  agent: agentValues,
  apiShim: apiShimValues,
  ...rest,
  monitoring: monitoringValues,
  argocd: argocdValues,
  extraObjects,
})
