/** Reads from a working tree what a release needs to know, and writes a new version into it. */
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { VERSION_ANNOTATION } from '../../crds/version-skew.ts'
import { runCommand } from '../../test/rig/process.ts'
import { releaseChanges } from './changelog.ts'
import type { ReleaseFacts } from './problems.ts'

const CHART = 'charts/kubenova/Chart.yaml'

interface Definition {
  metadata: { annotations: Record<string, string> }
}

interface Lock {
  version: string
  packages: { '': { version: string } }
}

export async function readReleaseFacts(repository: string, version: string): Promise<ReleaseFacts> {
  const read = (path: string): string => readFileSync(join(repository, path), 'utf8')
  const chart = parse(read(CHART)) as { version: string; appVersion: string }
  const definition = 'crds/manifests/servers.yaml'
  const lock = JSON.parse(read('package-lock.json')) as Lock
  const linesOf = async (...args: string[]): Promise<string[]> =>
    (await runCommand(['git', ...args], { cwd: repository })).split('\n').filter((line) => line !== '')
  return {
    version,
    versions: {
      'package.json': (JSON.parse(read('package.json')) as { version: string }).version,
      'package-lock.json': lock.packages[''].version,
      [`version in ${CHART}`]: chart.version,
      [`appVersion in ${CHART}`]: chart.appVersion,
      [definition]: (parse(read(definition)) as Definition).metadata.annotations[VERSION_ANNOTATION] ?? 'no version',
    },
    changelog: read('CHANGELOG.md'),
    tags: await linesOf('tag', '--list'),
    changedFiles: await linesOf('status', '--porcelain'),
  }
}

/** The time of the commit that is checked out, in seconds since 1970. */
export async function commitTimeOf(repository: string): Promise<number> {
  return Number(await runCommand(['git', 'log', '-1', '--format=%ct'], { cwd: repository }))
}

/**
 * Writes the version into each file that names it, and puts the unreleased changes below a heading for this version.
 */
export function writeVersion(repository: string, version: string, date: string): void {
  const edit = (path: string, change: (text: string) => string): void =>
    writeFileSync(join(repository, path), change(readFileSync(join(repository, path), 'utf8')))
  const { version: before } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { version: string }
  edit('package.json', (text) => text.replace(/^ {2}"version": "[^"]*"/m, `  "version": "${version}"`))
  // The lock names the version of this package twice, at its beginning.
  for (const indent of ['  ', '      '])
    edit('package-lock.json', (text) =>
      text.replace(new RegExp(`^${indent}"version": "[^"]*"`, 'm'), `${indent}"version": "${version}"`),
    )
  edit(CHART, (text) => text.replaceAll(/^(version|appVersion): .*$/gm, `$1: ${version}`))
  for (const file of globSync('{crds,charts/kubenova/files}/manifests/*.yaml', { cwd: repository }))
    edit(file, (text) => text.replace(`${VERSION_ANNOTATION}: ${before}\n`, `${VERSION_ANNOTATION}: ${version}\n`))
  edit('CHANGELOG.md', (text) => releaseChanges(text, version, date))
}
