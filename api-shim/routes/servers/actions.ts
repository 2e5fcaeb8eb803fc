/**
 * POST /servers/{server_id}/action: translates Nova's bodies. A lasting state becomes a change of spec.powerState;
 * everything else becomes a ServerAction.
 */
import { type ActionName, actionNames, isRequestable, actions as registry } from '../../../actions/index.ts'
import { type DesiredPower, type Server, type ServerAction, secretTypes, type VmState } from '../../../crds/index.ts'
import type { Secret } from '../../../kube/builtin-kinds.ts'
import { keyOf } from '../../../kube/types.ts'
import { isRefusal, newBadRequest, newConflict } from '../../http/fault.ts'
import type { VersionText } from '../../http/microversion.ts'
import { newNameFor } from '../../state/names.ts'
import { type MergePatch, patchNewest } from '../../state/patch-newest.ts'
import { annotationWith } from '../../state/recent-requests.ts'
import { annotationsFor } from '../../state/server-facts.ts'
import { actions, images, imagesById, servers, uuidOf } from '../../state/stores.ts'
import { nothing, objectSchema, oneOf, type Schema, schemaFrom, stringSchema } from '../../validation/schema.ts'
import { defineRoute, type Reply, type Route, type RouteRequest } from '../route.ts'
import { checkState } from './action-state.ts'
import { findServer } from './find.ts'
import { findServerByMapping } from './find-mapped.ts'
import { generatePassword } from './injected.ts'
import { newOwnedSecret, type OwnedSecret } from './owned-secret.ts'

type Request = RouteRequest<Record<string, unknown>>
type Parameters = Record<string, unknown>

interface Translation {
  /** The schema of the value of the action's key; default: anything. */
  value?: Schema
  /** Nova's rule; default `os_compute_api:servers:<name>`. */
  rule?: string
  /** The vm_states in which Nova allows the action, if they are fewer than in the registry. */
  from?(parameters: Parameters): readonly VmState[]
  /** The parameters of the ServerAction; default: none. */
  parameters?(value: unknown, request: Request, server: Server): Promise<Parameters>
  /** A Secret that the controller reads when it admits the ServerAction, with further parameters that name it. */
  secret?(value: unknown, request: Request): OwnedSecret<Parameters>
  reply?(value: unknown, request: Request): Reply
  /** As in Nova, such an action looks for the server in all projects. */
  needsHost?: true
  hidesLock?: true
}

const adminActions = (name: string): string => `os_compute_api:os-${name}`

const translations: Readonly<Partial<Record<ActionName, Translation>>> = {
  start: { from: () => ['stopped'], needsHost: true },
  stop: { from: () => ['active', 'error'], needsHost: true },
  pause: { rule: adminActions('pause-server:pause') },
  unpause: { rule: adminActions('pause-server:unpause') },
  suspend: { rule: adminActions('suspend-server:suspend') },
  resume: { rule: adminActions('suspend-server:resume') },
  reboot: {
    value: objectSchema(
      { type: oneOf(['HARD', 'Hard', 'hard', 'SOFT', 'Soft', 'soft'], { type: 'string' }) },
      { required: ['type'] },
    ),
    from: ({ type }) => (type === 'SOFT' ? ['active'] : registry.reboot.from),
    parameters: async (value) => ({ type: (value as { type: string }).type.toUpperCase() }),
  },
  rescue: {
    value: schemaFrom({
      type: ['object', 'null'],
      properties: { adminPass: { type: 'string' }, rescue_image_ref: { type: 'string', format: 'uuid' } },
      additionalProperties: false,
    }),
    rule: adminActions('rescue'),
    parameters: rescueParameters,
    // As in Nova with libvirt, the rescue system does not get the password of the answer.
    reply: (value, { services: { hasPasswords = true } }) => ({
      body: hasPasswords
        ? { adminPass: (value as { adminPass?: string } | null)?.adminPass ?? generatePassword() }
        : {},
    }),
  },
  unrescue: { rule: adminActions('unrescue'), from: () => ['rescued'] },
  trigger_crash_dump: { value: nothing, needsHost: true },
  changePassword: {
    value: objectSchema({ adminPass: stringSchema() }, { required: ['adminPass'] }),
    rule: adminActions('admin-password'),
    hidesLock: true,
    secret: passwordSecret,
  },
}

async function rescueParameters(value: unknown, { state }: Request, server: Server): Promise<Parameters> {
  const { rescue_image_ref: id } = (value ?? {}) as { rescue_image_ref?: string }
  if (id === undefined) return {}
  const [image] = (await state.read(images)).find(imagesById, id)
  if (!image) throw newBadRequest(`Image ${id} could not be found.`)
  const { name, namespace } = image.metadata
  return { image: { name, ...(namespace === server.metadata.namespace ? {} : { namespace }) } }
}

function passwordSecret(value: unknown, request: Request): OwnedSecret<Parameters> {
  const { adminPass } = value as { adminPass: string }
  const data = { password: Buffer.from(adminPass).toString('base64') }
  return newOwnedSecret({ prefix: 'password', type: secretTypes.password, data }, request, (name) => ({
    passwordSecret: { name },
  }))
}

/** @param check called again after a concurrent change, which may have been another request for an action */
async function setPower(
  server: Server,
  name: ActionName,
  powerState: DesiredPower,
  check: (server: Server) => void,
  request: Request,
): Promise<void> {
  const change = (newest: Server): MergePatch => {
    if (newest !== server) check(newest)
    // Only administrators get here with a locked Server. The API server rejects their change without this annotation.
    const ignoreLock = newest.spec.locked ? annotationsFor({ ignoreLock: request.requestId }) : {}
    return {
      metadata: { annotations: { ...annotationWith(newest, name, request), ...ignoreLock } },
      spec: { powerState },
    }
  }
  await patchNewest(servers, server, change, request)
}

function createAction(
  server: Server,
  name: ActionName,
  parameters: Parameters,
  request: Request,
): Promise<ServerAction> {
  const { state, requestId, caller } = request
  return state.write(actions).create({
    metadata: { name: newNameFor(server.metadata.name), namespace: server.metadata.namespace },
    spec: {
      server: server.metadata.name,
      action: name,
      requestId,
      user: caller.user.id,
      project: caller.project?.id,
      // The route has checked that the caller may act on a locked server.
      ...(server.spec.locked ? { ignoreLock: true } : {}),
      [name]: parameters,
    },
  })
}

const isDecided = (action: ServerAction | undefined): boolean => !['', 'Pending'].includes(action?.status?.phase ?? '')

/**
 * Creates the ServerAction, and waits a while until the controller has admitted or rejected it. Then the Secret is
 * deleted, because the controller has read it. If the wait was too short, the Secret goes with its server.
 */
async function requestAction(
  server: Server,
  name: ActionName,
  parameters: Parameters,
  request: Request,
  ownedSecret?: OwnedSecret<Parameters>,
): Promise<void> {
  const secret = await ownedSecret?.createFor([server])
  const created = await createAction(server, name, { ...parameters, ...ownedSecret?.spec }, request).catch(
    async (error: unknown) => {
      // After any other error, such as a timeout, the ServerAction may exist, and needs the Secret.
      if (isRefusal(error)) await discardSecret(secret, request)
      throw error
    },
  )
  const waiter = request.state.shared.waiterOf(actions)
  const decided = await waiter?.waitFor(keyOf(created.metadata), isDecided)
  if (isDecided(decided)) await discardSecret(secret, request)
  if (decided?.status?.phase === 'Rejected')
    throw newConflict(decided.status.message ?? `Cannot '${name}' instance ${uuidOf(server)} now`)
}

async function discardSecret(secret: Secret | undefined, { state, log }: Request): Promise<void> {
  try {
    if (secret) await state.writeSecrets().delete(secret)
  } catch (error) {
    log.warn({ err: error, secret: secret?.metadata.name }, 'a Secret that is no longer needed remains')
  }
}

async function perform(name: ActionName, key: string, request: Request): Promise<Reply> {
  const { parameters, secret, from, reply, needsHost = false, hidesLock = false } = translations[name] ?? {}
  const server = await (needsHost ? findServerByMapping(request) : findServer(request))
  request.authorize()
  const value = request.body[key]
  const parametersOf = async (): Promise<Parameters> => (await parameters?.(value, request, server)) ?? {}
  // Only for a reboot, make the parameters before the state is checked, because they decide which states allow it.
  const provisional = name === 'reboot' ? await parametersOf() : {}
  const check = (current: Server): void =>
    checkState(current, { name, from: from?.(provisional) ?? registry[name].from, needsHost, hidesLock }, request)
  check(server)
  const power = powerChangeOf(server, name)
  if (power !== undefined) await setPower(server, name, power, check, request)
  else await requestAction(server, name, await parametersOf(), request, secret?.(value, request))
  return reply?.(value, request) ?? {}
}

/** undefined: the action is asked for with a ServerAction instead. */
function powerChangeOf({ spec }: Server, name: ActionName): DesiredPower | undefined {
  // In Nova, a hard reboot also starts a server that is off, and resumes a paused or suspended one.
  if (name === 'reboot') return spec.powerState === 'Running' ? undefined : 'Running'
  const { desiredPower } = registry[name]
  return spec.powerState !== desiredPower || !isRequestable(name) ? desiredPower : undefined
}

function routeOf(name: ActionName): Route[] {
  const { nova, policy } = registry[name]
  if (!nova) return []
  const { value = schemaFrom({}), rule = `os_compute_api:servers:${name}` } = translations[name] ?? {}
  const { key, since, status } = nova
  return [
    defineRoute<Record<string, unknown>>({
      name: `servers:${name}`,
      method: 'POST',
      path: '/servers/{server_id}/action',
      action: key,
      since: since as VersionText,
      success: status,
      policy: { rule, role: policy === 'admin' ? 'admin' : 'member', inHandler: true },
      body: { '2.1': objectSchema({ [key]: value }, { required: [key] }) },
      handle: (request) => perform(name, key, request),
    }),
  ]
}

export const registryActionRoutes: readonly Route[] = actionNames.flatMap(routeOf)
