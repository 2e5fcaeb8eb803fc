// Results of the kill matrix are stored in docs/kill-matrix.md, and in a JSON file from which a later run continues.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBinaries } from '../rig/binaries.ts'
import { runCommand } from '../rig/process.ts'
import type { Case } from './cases.ts'
import { type Header, type Matrix, NOT_REACHED, type Result, renderKillMatrix } from './matrix.ts'

const root = join(import.meta.dirname, '../..')
const artefacts = join(root, 'test/artefacts')
const file = join(artefacts, 'kill-matrix.json')

export interface MatrixRun extends Matrix {
  header: Header
}

interface StoredRun {
  header: Header
  results: Result[]
  rows: [string, string[]][]
}

export function saveRun({ header, results, rows }: MatrixRun): void {
  mkdirSync(artefacts, { recursive: true })
  writeFileSync(file, JSON.stringify({ header, results, rows: [...rows] }))
}

export function loadRun(): MatrixRun {
  const { header, results, rows } = JSON.parse(readFileSync(file, 'utf8')) as StoredRun
  return { header, results, rows: new Map(rows) as MatrixRun['rows'] }
}

export function writeMatrixPage({ header, results, rows }: MatrixRun): void {
  writeFileSync(join(root, 'docs/kill-matrix.md'), renderKillMatrix({ results, rows }, header))
}

export const isSameCase = (a: Case, b: Case): boolean =>
  a.story === b.story && a.pointName === b.pointName && a.fault === b.fault

/**
 * A later result replaces the earlier one of the same case. An earlier case that never reached the point of its kill is
 * dropped if the operation has no such point in the later run.
 */
export function mergeRuns(earlier: MatrixRun, { results, rows }: Matrix, minutes: number): MatrixRun {
  const isDropped = ({ story, pointName, violations }: Result): boolean =>
    violations[0] === NOT_REACHED && rows.get(story)?.includes(pointName) === false
  const isRepeated = (old: Result): boolean => results.some((now) => isSameCase(now, old))
  const { header } = earlier
  const retried = header.retried + earlier.results.filter(isRepeated).length
  return {
    header: { ...header, retried, minutes: header.minutes + minutes },
    results: [...earlier.results.filter((old) => !isRepeated(old) && !isDropped(old)), ...results],
    rows: new Map([...earlier.rows, ...rows]),
  }
}

export async function createHeader(clouds: number): Promise<Header> {
  const paths = await ensureBinaries(['kube-apiserver', 'etcd'])
  const version = async (...argv: string[]): Promise<string> => /\d+\.\d+\.\d+/.exec(await runCommand(argv))?.[0] ?? '?'
  return {
    date: new Date().toISOString().slice(0, 10),
    command: 'make chaos',
    minutes: 0,
    clouds,
    retried: 0,
    versions: {
      Node: process.versions.node,
      Kubernetes: await version(paths['kube-apiserver'], '--version'),
      etcd: await version(paths.etcd, '--version'),
      libvirt: await version('libvirtd', '--version'),
      QEMU: await version('qemu-system-x86_64', '--version'),
    },
  }
}
