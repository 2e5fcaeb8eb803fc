import type { TObject } from 'typebox'
import { serverActionKind } from '../crds/kinds/server-action.ts'
import type { Action } from './action.ts'
import { changePassword } from './change-password.ts'
import { triggerCrashDump } from './crash-dump.ts'
import { create, remove } from './lifecycle.ts'
import { pause, resume, start, stop, suspend, unpause } from './power.ts'
import { reboot } from './reboot.ts'
import { rescue, unrescue } from './rescue.ts'

const registry = {
  create,
  delete: remove,
  start,
  stop,
  pause,
  unpause,
  suspend,
  resume,
  reboot,
  rescue,
  unrescue,
  trigger_crash_dump: triggerCrashDump,
  changePassword,
} as const

export type ActionName = keyof typeof registry

/** The parameters of these actions have no static types here, so callers validate the parameters first. */
export const actions = registry as unknown as Readonly<Record<ActionName, Action>>

export const actionNames = Object.keys(registry) as readonly ActionName[]

export function isActionName(name: string): name is ActionName {
  return Object.hasOwn(registry, name)
}

/** Actions that users cannot request follow from the Server's spec, creation or deletion. */
export function isRequestable(name: string): name is ActionName {
  return isActionName(name) && actions[name].request !== undefined
}

function requestSchemas(): Record<string, TObject> {
  const entries = actionNames.flatMap((name) => {
    const { request } = actions[name]
    return request ? [[name, request] as const] : []
  })
  return Object.fromEntries(entries)
}

export const serverAction = serverActionKind(
  requestSchemas(),
  actionNames.filter((name) => !isRequestable(name)),
)
