/** Reads actions.yaml: what Nova answers to each change of a server in each state. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { VmState } from '../../../crds/index.ts'

/** The server that a request is for, and the user who asks. */
export interface Situation {
  vmState: VmState
  task?: string
  locked: boolean
  /** The server has no host, and was never launched. */
  isUnbuilt?: true
  by: 'member' | 'admin' | 'reader'
}

export interface Answer {
  status: number
  /** The text of the fault, without the server's ID; undefined: any text. */
  message?: string | undefined
}

export interface Case {
  situation: Situation
  nova: Answer
  here: Answer
}

export interface ActionTable {
  action: string
  method: string
  path: string
  body: unknown
  microversion: string
  /** The fields of GET /servers/ID that change. */
  effect: Readonly<Record<string, unknown>>
  /** The fields that change in Kubenova, by vm_state, if they are not those that change in Nova. */
  effectHere: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  cases: readonly Case[]
}

interface Entry {
  action: string
  request: string
  body?: unknown
  microversion?: string
  /** The name of the action in messages. */
  name?: string
  rule: string
  effect: Record<string, unknown>
  effectHere?: Record<string, Record<string, unknown>>
  states: Record<string, string>
  tasks?: Record<string, string>
}

const LATEST = '2.104'
/** For each cell of a row: the user who asks, and whether the server has a task and is locked. */
const columns: readonly (Pick<Situation, 'by' | 'locked'> & { isBusy: boolean })[] = [
  ...(['member', 'admin'] as const).flatMap((by) =>
    [false, true].flatMap((locked) => [false, true].map((isBusy) => ({ by, locked, isBusy }))),
  ),
  { by: 'reader', locked: false, isBusy: false },
]

const busyTaskOf = (vmState: string): string => (vmState === 'building' ? 'spawning' : 'powering-off')

function answerOf(word: string, { action, name = action, rule }: Entry, { vmState, task = 'None' }: Situation): Answer {
  const conflict = (message: string): Answer => ({ status: 409, message })
  switch (word) {
    case 'vm':
      return conflict(`Cannot '${name}' instance ID while it is in vm_state ${vmState}`)
    case 'task':
      return conflict(`Cannot '${name}' instance ID while it is in task_state ${task}`)
    case 'lock':
      return conflict('Instance ID is locked')
    case 'lock-invalid':
    case 'unbuilt':
      return conflict(`Instance ID is in an invalid state for '${name}'`)
    case 'host':
      return conflict('Instance ID is not ready')
    case 'in-use':
      return { status: 400, message: 'Compute service of host-1 is still in use.' }
    case '403':
      return { status: 403, message: `Policy doesn't allow ${rule} to be performed.` }
    default:
      if (!/^[2345]\d\d$/.test(word)) throw new Error(`${action}: no word for an answer: ${word}`)
      return { status: Number(word) }
  }
}

function caseOf(cell: string, entry: Entry, situation: Situation): Case {
  const [nova = '', here = nova] = cell.split('>')
  return { situation, nova: answerOf(nova, entry, situation), here: answerOf(here, entry, situation) }
}

function casesOfState(entry: Entry, vmState: string, row: string): Case[] {
  const cells = row.split(/[\s|]+/)
  if (cells.length !== columns.length) throw new Error(`${entry.action} ${vmState}: ${cells.length} cells`)
  return cells.map((cell, index) => {
    const { isBusy = false, locked = false, by = 'member' } = columns[index] ?? {}
    const task = isBusy ? { task: busyTaskOf(vmState) } : {}
    return caseOf(cell, entry, { vmState: vmState as VmState, ...task, locked, by })
  })
}

function casesOf(entry: Entry): Case[] {
  const { unscheduled = '', unbuilt = '', ...states } = entry.states
  const first = Object.entries(states).flatMap(([vmState, row]) => casesOfState(entry, vmState, row))
  const by = first[0]?.nova.status === 403 ? 'admin' : 'member'
  const few: readonly [unknown, Situation][] = [
    [unscheduled, { vmState: 'building', task: 'scheduling', locked: false, isUnbuilt: true, by }],
    [unbuilt, { vmState: 'error', locked: false, isUnbuilt: true, by }],
    ...Object.entries(entry.tasks ?? {}).map(([task, cell]): [unknown, Situation] => [
      cell,
      { vmState: 'active', task, locked: false, by },
    ]),
  ]
  return [...first, ...few.map(([cell, situation]) => caseOf(String(cell), entry, situation))]
}

function tableOf(entry: Entry): ActionTable {
  const { action, request, body, microversion = LATEST, effect, effectHere = {} } = entry
  const [method = '', path = ''] = request.split(' ')
  return {
    action,
    method,
    path: path.replace(/^\/$/, ''),
    body,
    microversion,
    effect,
    effectHere,
    cases: casesOf(entry),
  }
}

/** The tables of all actions. */
export function readTables(): ActionTable[] {
  const entries = parse(readFileSync(join(import.meta.dirname, 'actions.yaml'), 'utf8')) as Entry[]
  return entries.map(tableOf)
}
