/** Builds everything that a release consists of, and pushes nothing. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Architecture } from '../images/names.ts'
import { archiveSource, writeChecksums } from './archives.ts'
import { findSection } from './changelog.ts'
import { packageChart } from './chart.ts'
import { releaseImages } from './images.ts'
import { renderNotes } from './notes.ts'
import { findReleaseProblems } from './problems.ts'
import { commitTimeOf, readReleaseFacts } from './repository.ts'
import { createNpmBom } from './sbom.ts'

export interface ReleaseOptions {
  /** The working tree. */
  repository: string
  version: string
  /** Folder of the release; an earlier content is removed. */
  folder: string
  /** Registry and folder of the published images, such as `registry.example.org/vms`. */
  registry?: string | undefined
  /** Undefined: the release has no images. */
  images?: { base: string; archs: readonly Architecture[] } | undefined
  log: (line: string) => void
}

/** @throws if something prevents the release: an Error with a sentence for each problem */
export async function buildRelease(options: ReleaseOptions): Promise<void> {
  const { repository, version, folder, registry, images, log } = options
  const facts = await readReleaseFacts(repository, version)
  const problems = findReleaseProblems(facts)
  if (problems.length > 0) throw new Error(problems.join('\n'))
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const seconds = await commitTimeOf(repository)
  const { text: changes = '', date = '' } = findSection(facts.changelog, version) ?? {}
  log('release: source, bill of materials, chart')
  await archiveSource(repository, join(folder, `kubenova-${version}-source.tar.gz`), `kubenova-${version}`)
  const npm = await createNpmBom(repository, new Date(seconds * 1000))
  writeFileSync(join(folder, `kubenova-${version}.cdx.json`), `${JSON.stringify(npm, null, 2)}\n`)
  const platforms = (images?.archs ?? []).map((arch) => `linux/${arch}`)
  await packageChart(repository, { version, changes, registry, platforms, folder, seconds })
  const released = images ? await releaseImages({ ...images, version, folder, npm, log }) : []
  writeFileSync(join(folder, 'RELEASE_NOTES.md'), renderNotes({ version, date, changes, registry, images: released }))
  await writeChecksums(folder)
}
