// Builds a release, without images, from a copy of this working tree.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { ensureBinaries } from '../../test/rig/binaries.ts'
import { runCommand } from '../../test/rig/process.ts'
import { createScratchDirectory } from '../../test/rig/scratch.ts'
import { root } from '../command.ts'
import { buildRelease, type ReleaseOptions } from './build.ts'
import { writeVersion } from './repository.ts'
import type { Bom } from './sbom.ts'

const VERSION = '98.7.6-rc.1'

let dir: string
let repository: string

const git = (...args: string[]): Promise<string> =>
  runCommand(['git', '-c', 'user.name=test', '-c', 'user.email=test@example.org', ...args], { cwd: repository })

const commitAll = async (): Promise<void> => {
  await git('add', '--all')
  await git('commit', '--quiet', '--message=chore: release')
}

const build = (name: string, options: Partial<ReleaseOptions> = {}): Promise<void> =>
  buildRelease({ repository, version: VERSION, folder: join(dir, name), log: () => undefined, ...options })

const read = (...path: string[]): string => readFileSync(join(dir, ...path), 'utf8')

beforeAll(async () => {
  dir = createScratchDirectory()
  repository = join(dir, 'repository')
  const files = await runCommand(['git', 'ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root })
  for (const file of files.trim().split('\n')) {
    if (!existsSync(join(root, file))) continue
    mkdirSync(dirname(join(repository, file)), { recursive: true })
    cpSync(join(root, file), join(repository, file))
  }
  await git('init', '--quiet')
  writeVersion(repository, VERSION, '2026-11-28')
  await commitAll()
  await build('first')
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

describe('a release', () => {
  it('has the same bytes when it is built again, from a clone', async () => {
    await git('clone', '--quiet', repository, join(dir, 'clone'))
    await build('second', { repository: join(dir, 'clone') })
    expect(read('second/SHA256SUMS')).toBe(read('first/SHA256SUMS'))
  })

  it('has a source archive, a chart, a bill of materials, notes, and the sums of all of them', async () => {
    expect(readdirSync(join(dir, 'first'))).toEqual([
      'RELEASE_NOTES.md',
      'SHA256SUMS',
      `kubenova-${VERSION}-source.tar.gz`,
      `kubenova-${VERSION}.cdx.json`,
      `kubenova-${VERSION}.tgz`,
    ])
    const checked = await runCommand(['sha256sum', '--check', '--strict', 'SHA256SUMS'], { cwd: join(dir, 'first') })
    expect(checked.trim().split('\n')).toHaveLength(4)
    expect(read('first/RELEASE_NOTES.md')).toMatch(/^# Kubenova 98\.7\.6-rc\.1\n\nReleased 2026-11-28\.\n\n### Added\n/)
  })

  it('has all committed files in the source archive, with the new version', async () => {
    const archive = join(dir, 'first', `kubenova-${VERSION}-source.tar.gz`)
    const listed = (await runCommand(['tar', '-tzf', archive])).split('\n').filter((path) => !/(^|\/)$/.test(path))
    expect(listed).toHaveLength((await git('ls-files')).trim().split('\n').length)
    const about = await runCommand(['tar', '-xzOf', archive, `kubenova-${VERSION}/package.json`])
    expect(JSON.parse(about)).toMatchObject({ version: VERSION })
  })

  it('lists the production packages in the bill of materials, and none of development', () => {
    const bom = JSON.parse(read('first', `kubenova-${VERSION}.cdx.json`)) as Bom
    const names = bom.components.map(({ name }) => name)
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>
      devDependencies: Record<string, string>
    }
    expect(names).toEqual(expect.arrayContaining(Object.keys(dependencies)))
    expect(names.filter((name) => name === 'vitest' || name === 'rolldown')).toEqual([])
    expect(Object.keys(devDependencies)).toContain('vitest')
    expect(JSON.stringify(bom)).not.toMatch(/https?:\/\/(?!cyclonedx\.org)/)
  })
})

describe('the chart of a release', () => {
  it('is installable, with the version and the registry of the release', async () => {
    await build('published', { registry: 'registry.example.org/vms' })
    const { helm } = await ensureBinaries(['helm'])
    const chart = join(dir, 'published', `kubenova-${VERSION}.tgz`)
    const manifests = await runCommand([helm, 'template', 'kubenova', chart, '--kube-version=1.36.3'])
    const images = new Set([...manifests.matchAll(/image: "?([^"\n]*)/g)].map((m) => m[1]))
    const expected = ['agent', 'controller'].map((name) => `registry.example.org/vms/kubenova-${name}:${VERSION}`)
    expect(images).toEqual(new Set(expected))
  })

  it('has the annotations of Artifact Hub', async () => {
    const { helm } = await ensureBinaries(['helm'])
    const shown = await runCommand([helm, 'show', 'chart', join(dir, 'published', `kubenova-${VERSION}.tgz`)])
    const { annotations } = parse(shown) as { annotations: Record<string, string> }
    const listOf = (name: string): unknown[] => parse(annotations[`artifacthub.io/${name}`] ?? '') as unknown[]
    expect(annotations).toMatchObject({ 'artifacthub.io/license': 'Apache-2.0', 'artifacthub.io/prerelease': 'true' })
    expect(listOf('changes')[0]).toMatchObject({ kind: 'added' })
    expect(listOf('crds')[0]).toMatchObject({
      kind: 'Server',
      version: 'v1alpha1',
      name: 'servers.compute.kubenova.io',
      displayName: 'Server',
    })
    expect(listOf('images')).toEqual([
      { name: 'kubenova-controller', image: `registry.example.org/vms/kubenova-controller:${VERSION}` },
      { name: 'kubenova-agent', image: `registry.example.org/vms/kubenova-agent:${VERSION}` },
    ])
  })
})

describe('a release is refused', () => {
  it('when files are not committed', async () => {
    writeFileSync(join(repository, 'new-file'), '')
    await expect(build('refused')).rejects.toThrow(/commit or remove new-file$/)
    rmSync(join(repository, 'new-file'))
  })

  it('when its tag exists', async () => {
    await git('tag', `v${VERSION}`)
    await expect(build('refused')).rejects.toThrow(/^the tag v98\.7\.6-rc\.1 exists/)
    await git('tag', '--delete', `v${VERSION}`)
  })

  it('when files name another version', async () => {
    await expect(build('refused', { version: '98.7.6' })).rejects.toThrow(
      /^package\.json says 98\.7\.6-rc\.1, not 98\.7\.6: .*\npackage-lock\.json says [^]*\nCHANGELOG\.md has no section for 98\.7\.6: /,
    )
    expect(readdirSync(dir)).not.toContain('refused')
  })
})
