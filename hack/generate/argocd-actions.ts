import type { TObject } from 'typebox'
import type { Action } from '../../actions/action.ts'
import { actionNames, actions } from '../../actions/index.ts'

export interface ArgoAction {
  argoName: string
  /** Name of the action in the registry. */
  action: string
  /** The parameters of the ServerAction; absent: the action needs none. */
  params?: Record<string, string>
  displayName: string
  iconClass: string
  /** The value of spec.powerState with which the action is done. */
  power?: string
  /**
   * Whether a ServerAction can request the action. If `power` is set too, a ServerAction is created only if a change of
   * spec.powerState cannot do the same: the field has that value already, or the vmState is error.
   */
  request?: true
  states: Record<string, true>
  mode?: string
  boots?: true
  retries?: true
  /** The action is also allowed when the guest has suspended itself to RAM. */
  wakes?: true
}

const icons: Readonly<Record<string, string>> = {
  start: 'play',
  stop: 'stop',
  pause: 'pause',
  unpause: 'play',
  suspend: 'save',
  resume: 'play',
  reboot: 'redo',
  rescue: 'life-ring',
  unrescue: 'life-ring',
  trigger_crash_dump: 'bug',
}

const kebabCase = (name: string): string =>
  name
    .replaceAll(/[A-Z]/g, (c) => `-${c}`)
    .replaceAll('_', '-')
    .toLowerCase()

/**
 * Argo CD's UI offers no form. So an action with one required parameter, an enum, is offered once for each value. An
 * action with any other required parameter is not offered. The entry undefined stands for an action without a required
 * parameter.
 */
function paramsOf(request: TObject): (Record<string, string> | undefined)[] {
  const [name, ...others] = request.required ?? []
  if (name === undefined) return [undefined]
  const { enum: values } = request.properties[name] as { enum?: string[] }
  return others.length > 0 || values === undefined ? [] : values.map((value) => ({ [name]: value }))
}

/** Makes `Reboot (hard)` from `reboot` and `hard`. */
function displayNameOf(name: string, value: string | undefined): string {
  const words = kebabCase(name).replaceAll('-', ' ')
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}${value === undefined ? '' : ` (${value})`}`
}

function argoActionOf(action: Action, params: Record<string, string> | undefined): ArgoAction {
  const { name, desiredPower, request, inMode, boots, retries, wakes, from, objection } = action
  const allowed = from.filter((state) => objection?.((params ?? {}) as Record<string, never>, state) === undefined)
  const value = Object.values(params ?? {})[0]?.toLowerCase()
  return {
    argoName: value === undefined ? kebabCase(name) : `${kebabCase(name)}-${value}`,
    action: name,
    ...(params && { params }),
    displayName: displayNameOf(name, value),
    iconClass: `fa fa-fw fa-${icons[name] ?? 'cogs'}`,
    ...(desiredPower && { power: desiredPower }),
    ...(request && { request: true }),
    states: Object.fromEntries(allowed.map((state) => [state, true])),
    ...(inMode && { mode: inMode }),
    ...(boots && { boots }),
    ...(retries && { retries }),
    ...(wakes && { wakes }),
  }
}

/** Creation and deletion are missing, because they are changes in git. */
export const argoActions: readonly ArgoAction[] = actionNames.flatMap((name) => {
  const action = actions[name]
  if (action.request) return paramsOf(action.request).map((params) => argoActionOf(action, params))
  return action.desiredPower ? [argoActionOf(action, undefined)] : []
})
