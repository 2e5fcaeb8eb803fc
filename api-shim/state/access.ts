import { subjectAccessReviews } from '../../kube/builtin-kinds.ts'
import type { Kube } from '../../kube/client.ts'
import type { ResourceDef } from '../../kube/types.ts'

export interface KubernetesUser {
  user: string
  groups: readonly string[]
}

export interface Right {
  verb: 'get' | 'list' | 'create' | 'update' | 'patch' | 'delete'
  kind: Pick<ResourceDef, 'group' | 'plural'>
  subresource?: string
  /** If absent, the right is for all namespaces, or the kind has no namespaces. */
  namespace?: string | undefined
}

export interface Access {
  isAllowed(user: KubernetesUser, right: Right): Promise<boolean>
}

/** A right that is taken away stays in force for this long at most. */
const ALLOWED_MS = 5_000
/**
 * A refusal is forgotten soon, because the API server may not have seen a binding that was made just before. One
 * request asks the same question several times, so it is not forgotten at once.
 */
const REFUSED_MS = 200
/** Above this number all answers are forgotten, which bounds the memory. */
const MAX_ANSWERS = 20_000

export function createAccess(kube: Pick<Kube, 'resource' | 'clock'>): Access {
  const reviews = kube.resource(subjectAccessReviews)
  const answers = new Map<string, { until: number; allowed: Promise<boolean> }>()
  const ask = async ({ user, groups }: KubernetesUser, right: Right): Promise<boolean> => {
    const { verb, kind, subresource, namespace } = right
    const resourceAttributes = { verb, group: kind.group, resource: kind.plural, subresource, namespace }
    const { status } = await reviews.create({ metadata: {}, spec: { user, groups: [...groups], resourceAttributes } })
    return status?.allowed === true
  }
  return {
    async isAllowed(user, right) {
      const { verb, kind, subresource = '', namespace = '' } = right
      const key = [user.user, user.groups.join(), verb, kind.group, kind.plural, subresource, namespace].join('\n')
      const known = answers.get(key)
      if (known && known.until > kube.clock.now()) return known.allowed
      if (answers.size >= MAX_ANSWERS) answers.clear()
      const answer = { until: kube.clock.now() + ALLOWED_MS, allowed: ask(user, right) }
      answers.set(key, answer)
      answer.allowed.then(
        (allowed) => {
          if (!allowed) answer.until = kube.clock.now() + REFUSED_MS
        },
        () => answers.delete(key),
      )
      return answer.allowed
    },
  }
}
