// What a whole run has found, kept so that its wrong ends can be tried again: docs/kill-matrix.md and, for us to read, a JSON file beside it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBinaries } from '../rig/binaries.ts'
import { run } from '../rig/process.ts'
import { type Header, type Matrix, type Result, render } from './matrix.ts'

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
  writeFileSync(join(root, 'docs/kill-matrix.md'), render({ results, rows }, header))
}

export function kept(): Run {
  const { header, results, rows } = JSON.parse(readFileSync(file, 'utf8')) as Stored
  return { header, results, rows: new Map(rows) as Run['rows'] }
}

/** The results of `before`, those of the cases that were told again in place of the old ones. */
export function merged(before: Run, again: readonly Result[], minutes: number): Run {
  const isSame = (a: Result, b: Result): boolean => a.story === b.story && a.at === b.at && a.fault === b.fault
  const results = before.results.map((old) => again.find((now) => isSame(now, old)) ?? old)
  const { header } = before
  return {
    ...before,
    header: { ...header, again: header.again + again.length, minutes: header.minutes + minutes },
    results,
  }
}

export async function newHeader(clouds: number, minutes: number): Promise<Header> {
  const paths = await ensureBinaries(['kube-apiserver', 'etcd'])
  const version = async (...argv: string[]): Promise<string> => /\d+\.\d+\.\d+/.exec(await run(argv))?.[0] ?? '?'
  return {
    date: new Date().toISOString().slice(0, 10),
    command: 'make chaos',
    minutes,
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
