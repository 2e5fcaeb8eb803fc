// What a whole run has found: docs/kill-matrix.md, and a file from which another run goes on where this one was ended, or went wrong.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBinaries } from '../rig/binaries.ts'
import { run } from '../rig/process.ts'
import type { Case } from './cases.ts'
import { type Header, type Matrix, NOT_REACHED, type Result, render } from './matrix.ts'

const root = join(import.meta.dirname, '../..')
const artefacts = join(root, 'test/artefacts')
const file = join(artefacts, 'kill-matrix.json')

export interface Run extends Matrix {
  header: Header
}

interface Stored {
  header: Header
  results: Result[]
  rows: [string, string[]][]
}

export function keep({ header, results, rows }: Run): void {
  mkdirSync(artefacts, { recursive: true })
  writeFileSync(file, JSON.stringify({ header, results, rows: [...rows] }))
}

export function publish({ header, results, rows }: Run): void {
  writeFileSync(join(root, 'docs/kill-matrix.md'), render({ results, rows }, header))
}

export function kept(): Run {
  const { header, results, rows } = JSON.parse(readFileSync(file, 'utf8')) as Stored
  return { header, results, rows: new Map(rows) as Run['rows'] }
}

export const isSame = (a: Case, b: Case): boolean => a.story === b.story && a.at === b.at && a.fault === b.fault

/** All of both; a case that was told again as it ended then. What was not reached, and is not passed any more, was no case. */
export function merged(before: Run, { results, rows }: Matrix, minutes: number): Run {
  const told = (old: Result): boolean => results.some((now) => isSame(now, old)) || isVoid(old)
  const isVoid = ({ story, at, wrong }: Result): boolean =>
    wrong[0] === NOT_REACHED && rows.get(story)?.includes(at) === false
  const { header } = before
  const again = header.again + before.results.filter(told).length
  return {
    header: { ...header, again, minutes: header.minutes + minutes },
    results: [...before.results.filter((old) => !told(old)), ...results],
    rows: new Map([...before.rows, ...rows]),
  }
}

export async function newHeader(clouds: number): Promise<Header> {
  const paths = await ensureBinaries(['kube-apiserver', 'etcd'])
  const version = async (...argv: string[]): Promise<string> => /\d+\.\d+\.\d+/.exec(await run(argv))?.[0] ?? '?'
  return {
    date: new Date().toISOString().slice(0, 10),
    command: 'make chaos',
    minutes: 0,
    clouds,
    again: 0,
    versions: {
      Node: process.versions.node,
      Kubernetes: await version(paths['kube-apiserver'], '--version'),
      etcd: await version(paths.etcd, '--version'),
      libvirt: await version('libvirtd', '--version'),
      QEMU: await version('qemu-system-x86_64', '--version'),
    },
  }
}
