/** Which versions of definitions, controller and agents work together (docs/adr/0061). */
import { Terminal } from './errors.ts'
import type { Reason } from './reasons.ts'
import { GROUP } from './schema.ts'

/** The annotation of a CustomResourceDefinition with the version of Kubenova that it belongs to. */
export const VERSION_ANNOTATION = `${GROUP}/version`

/** How many minor versions an agent may be apart from the controller, in either direction. */
const MAX_MINORS = 1

export interface VersionSkew {
  reason: Extract<Reason, 'AgentTooOld' | 'AgentTooNew'>
  message: string
}

/** Undefined: the two may work together, or one of them has no version. */
export function findAgentSkew(agent: string | undefined, controller: string): VersionSkew | undefined {
  const [ours, theirs] = [parseVersion(controller), parseVersion(agent)]
  if (ours === undefined || theirs === undefined) return undefined
  const [major, minor] = ours
  const distance = theirs[0] === major ? theirs[1] - minor : (theirs[0] - major) * Infinity
  if (Math.abs(distance) <= MAX_MINORS) return undefined
  const oldest = `${major}.${Math.max(0, minor - MAX_MINORS)}`
  const facts = `the agent has version ${agent}, the controller ${controller}, which works with agents from ${oldest} to ${major}.${minor + MAX_MINORS}`
  return distance < 0
    ? { reason: 'AgentTooOld', message: `${facts}; guests run on, and no server is placed here: upgrade the agent` }
    : {
        reason: 'AgentTooNew',
        message: `${facts}; guests run on, and no server is placed here: upgrade the controller`,
      }
}

/** The part of a CustomResourceDefinition that has its version; `forbidden` if the program may not read it. */
export type Definition = { metadata: { annotations?: Record<string, string> | undefined } } | 'forbidden' | undefined

/**
 * @param read reads a definition by its name; undefined if it does not exist
 * @throws a Terminal error if a definition is missing, or older than the program. Otherwise the API server would drop
 * the fields that it does not know from all that the program writes.
 */
export async function refuseOldDefinitions(
  plurals: readonly string[],
  program: string,
  read: (name: string) => Promise<Definition>,
): Promise<void> {
  const names = plurals.map((plural) => `${plural}.${GROUP}`)
  const definitions = await Promise.all(names.map(read))
  for (const [i, name] of names.entries()) {
    const definition = definitions[i]
    const problem = definition === 'forbidden' ? undefined : findDefinitionProblem(definition, program)
    if (problem !== undefined) throw new Terminal('DefinitionsOutdated', `CustomResourceDefinition ${name} ${problem}`)
  }
}

const APPLY =
  'apply the definitions before the programs (helm upgrade does, or kubectl apply --server-side -f crds/manifests)'

export function findDefinitionProblem(
  definition: Exclude<Definition, 'forbidden'>,
  program: string,
): string | undefined {
  if (definition === undefined) return `does not exist: ${APPLY}`
  const found = definition.metadata.annotations?.[VERSION_ANNOTATION]
  if (found === undefined) return `names no version, so it is older than this program (${program}): ${APPLY}`
  return isOlder(found, program) ? `has version ${found}, and this program ${program}: ${APPLY}` : undefined
}

function isOlder(text: string, than: string): boolean {
  const [a, b] = [parseVersion(text), parseVersion(than)]
  if (a === undefined || b === undefined) return false
  const index = a.findIndex((part, i) => part !== b[i])
  return (a[index] ?? 0) < (b[index] ?? 0)
}

/** Major, minor and patch. A suffix, as in 1.0.0-rc.1, does not count. */
function parseVersion(text: string | undefined): [number, number, number] | undefined {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)/.exec(text ?? '') ?? []
  return major === undefined ? undefined : [Number(major), Number(minor), Number(patch)]
}
