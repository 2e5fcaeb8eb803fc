/** The embedded identity for tests: users with passwords and roles, on the fake API server of a test shim. */
import { clusterRoleBindings, roleBindings, secrets } from '../../kube/builtin-kinds.ts'
import { noLog } from '../../kube/log.ts'
import { hashUsers } from '../../test/rig/shim.ts'
import { TestShim } from '../testing.ts'
import { EmbeddedIdentity } from './embedded/backend.ts'

const NAMESPACE = 'kubenova-system'

/** The role of a user. Without a project it counts in all. */
export interface TestRole {
  user: string
  role: string
  project?: string
}

/** @param passwords by user */
export async function startTestIdentity(
  shim: TestShim,
  passwords: Readonly<Record<string, string>>,
  roles: readonly TestRole[],
  signal: AbortSignal,
): Promise<EmbeddedIdentity> {
  const users = Object.entries(passwords).map(([name, password]) => ({ name, password }))
  await shim.seed(secrets, {
    metadata: { name: 'kubenova-users', namespace: NAMESPACE },
    data: await hashUsers(users),
  })
  for (const [index, { user, role, project }] of roles.entries()) {
    const name = `role-${index}`
    const binding = {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: `kubenova-${role}` },
      subjects: [{ kind: 'User', name: user }],
    }
    await (project === undefined
      ? shim.seed(clusterRoleBindings, { metadata: { name }, ...binding })
      : shim.seed(roleBindings, { metadata: { name, namespace: project }, ...binding }))
  }
  const { state } = shim.services
  const identity = new EmbeddedIdentity({
    kube: state.kube,
    state,
    namespace: NAMESPACE,
    tokenSeconds: 3600,
    log: noLog,
  })
  await identity.start(signal)
  Object.assign(shim.services, { identity, authenticator: identity })
  return identity
}

const domain = { id: 'default' }

/** The body of a request for a token. */
export const passwordRequest = (name: string, password: string, project?: string): object => ({
  auth: {
    identity: { methods: ['password'], password: { user: { name, domain, password } } },
    ...(project === undefined ? {} : { scope: { project: { name: project, domain } } }),
  },
})

/** Undefined if the shim refuses the user. */
export async function requestToken(
  shim: TestShim,
  name: string,
  password: string,
  project?: string,
): Promise<string | undefined> {
  const body = passwordRequest(name, password, project)
  const { status, headers } = await shim.ask('POST', '/identity/v3/auth/tokens', { as: null, body })
  return status === 201 ? String(headers['x-subject-token']) : undefined
}

export interface TwoUsers extends AsyncDisposable {
  shim: TestShim
  /** For the project `mine`. */
  tokens: Readonly<Record<'alice' | 'root', string>>
}

/**
 * Starts a shim with two users whose password is `pw`: `root` is an administrator.
 * @param role the role of `alice` in the project `mine`
 */
export async function startTwoUsers(role: string): Promise<TwoUsers> {
  const stop = new AbortController()
  const shim = await new TestShim().start()
  const roles = [
    { user: 'alice', role, project: 'mine' },
    { user: 'root', role: 'admin' },
  ]
  await startTestIdentity(shim, { alice: 'pw', root: 'pw' }, roles, stop.signal)
  const tokenOf = async (name: string): Promise<string> => (await requestToken(shim, name, 'pw', 'mine')) ?? ''
  return {
    shim,
    tokens: { alice: await tokenOf('alice'), root: await tokenOf('root') },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the test is over'))
      await shim[Symbol.asyncDispose]()
    },
  }
}
