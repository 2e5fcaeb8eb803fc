import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { GROUP } from '../../crds/index.ts'
import { root } from '../manifests.ts'
import { type Call, runLua } from './lua.ts'

export interface Health {
  status: 'Healthy' | 'Progressing' | 'Degraded' | 'Suspended'
  message: string
}

interface Actions {
  'discovery.lua': string
  definitions: { name: string; 'action.lua': string }[]
}

export const configMapFile = join(root, 'charts/kubenova/argocd/argocd-cm.yaml')
const { data } = parse(readFileSync(configMapFile, 'utf8')) as { data: Record<string, string> }
const prefix = `resource.customizations.health.${GROUP}_`
const serverActions = parse(data[`resource.customizations.actions.${GROUP}_Server`] ?? '') as Actions

/** The kinds that have a health check. */
export const kindsWithHealth = Object.keys(data).flatMap((key) =>
  key.startsWith(prefix) ? [key.slice(prefix.length)] : [],
)

export function healthOf(objects: readonly { kind: string }[]): Health[] {
  return runLua(objects.map((obj): Call => ({ script: data[`${prefix}${obj.kind}`] ?? '', obj }))) as Health[]
}

export function enabledActions(servers: readonly object[]): string[][] {
  const results = runLua(servers.map((obj) => ({ script: serverActions['discovery.lua'], obj })))
  return (results as Record<string, { disabled: boolean }>[]).map((actions) =>
    Object.keys(actions)
      .filter((name) => !actions[name]?.disabled)
      .toSorted((a, b) => a.localeCompare(b)),
  )
}

/** Returns the changed Server, or a list of objects to create. */
export function runAction(name: string, obj: object): unknown {
  const definition = serverActions.definitions.find((d) => d.name === name)
  if (!definition) throw new Error(`no action ${name}`)
  return runLua([{ script: definition['action.lua'], obj }])[0]
}
