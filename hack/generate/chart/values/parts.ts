import { type TObject, type TSchema, Type } from 'typebox'
import { DEFAULT_DRAIN_MS } from '../../../../kube/process.ts'

/** The API server checks the members of the object. The chart accepts any members. */
export const KubernetesObject = (description: string, value: object = {}) =>
  Type.Object({}, { description, default: value, additionalProperties: true })

export const KubernetesList = (description: string, value: readonly object[] = []) =>
  Type.Array(Type.Object({}, { additionalProperties: true }), { description, default: [...value] })

export const StringMap = (description: string, value: Record<string, string> = {}) =>
  Type.Record(Type.String(), Type.String(), { description, default: value })

export const Port = (description: string, value: number) =>
  Type.Integer({ description, default: value, minimum: 1, maximum: 65_535 })

/** kubelet counts the time of the preStop hook, too. At the end of the grace period it kills the program. */
export const GracePeriod = ({ preStopSeconds = 0 } = {}) =>
  Type.Integer({
    description: 'Seconds in which a Pod must stop; then it is killed.',
    default: preStopSeconds + DEFAULT_DRAIN_MS / 1000 + 5,
    minimum: preStopSeconds + 10,
  })

/** An absolute path of the host. */
export const HostPath = (description: string, value: string) =>
  Type.String({ description, default: value, pattern: '^/[^:]*[^/:]$' })

/**
 * The options of a program that a user of the chart may set. An option that is left out is not passed to the program,
 * so the program's own default applies.
 */
export function programOptions(program: string, schema: TObject, setByChart: readonly string[]): TObject {
  const entries = Object.entries(schema.properties as Record<string, TSchema>).filter(
    ([name]) => !setByChart.includes(name),
  )
  return Type.Object(Object.fromEntries(entries.map(([name, option]) => [name, Type.Optional(option)])), {
    description: `Options of the ${program} by name, such as logLevel. The ${program} has the defaults.`,
    default: {},
  })
}

export const Image = (name: string) =>
  Type.Object({
    repository: Type.String({
      description: 'Name of the image in the registry.',
      default: name,
      pattern: '^[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$',
    }),
    digest: Type.String({
      description: 'Digest such as sha256:1f2e…, which then names the image instead of the tag.',
      default: '',
      pattern: '^(sha256:[0-9a-f]{64})?$',
    }),
  })

/** Values that both workloads have. */
export const workloadValues = {
  podLabels: StringMap('Further labels of the Pods.'),
  podAnnotations: StringMap('Annotations of the Pods.'),
  env: KubernetesList('Further environment variables of the container.'),
  extraVolumes: KubernetesList('Further volumes of the Pods, such as one with certificate authorities.'),
  extraVolumeMounts: KubernetesList('Where the container mounts the further volumes.'),
}
