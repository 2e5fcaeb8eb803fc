/** The registry of actions, and what is derived from it: the ServerAction kind, look-ups by name, admission. */
import type { TObject } from 'typebox'
import { serverActionKind } from '../crds/kinds/server-action.ts'
import type { Action } from './action.ts'
import { create, remove } from './lifecycle.ts'
import { pause, resume, start, stop, suspend, unpause } from './power.ts'
import { reboot } from './reboot.ts'

const registry = { create, delete: remove, start, stop, pause, unpause, suspend, resume, reboot } as const

export type ActionName = keyof typeof registry

/** All actions, by Nova's name. Their parameter types are erased: who runs one has validated the parameters. */
export const actions = registry as unknown as Readonly<Record<ActionName, Action>>

export function isActionName(name: string): name is ActionName {
  return Object.hasOwn(registry, name)
}

function deeds(): Record<string, TObject> {
  const entries = Object.values(actions).flatMap((a) => (a.asked.deed ? [[a.name, a.asked.deed] as const] : []))
  return Object.fromEntries(entries)
}

const deedNames = Object.keys(deeds())
const wishNames = Object.keys(actions).filter((name) => !deedNames.includes(name))

/** The ServerAction kind with a member for each deed in the registry. */
export const serverAction = serverActionKind(deeds(), wishNames)

export function isDeed(name: string): boolean {
  return deedNames.includes(name)
}
