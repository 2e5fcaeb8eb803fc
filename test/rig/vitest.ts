// For tests: parts of the rig that come up before a file's tests and are gone after them, whatever happens.
import { rmSync } from 'node:fs'
import { afterAll, beforeAll, type RunnerTestCase, type RunnerTestSuite } from 'vitest'
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts'
import { type Host, startHost } from './host.ts'
import { keepArtefacts, removeOrphanedClouds, scratchDirectory } from './scratch.ts'

/**
 * A control plane of its own for one test file, on 127.0.0.1.
 *
 * @example
 * const plane = withControlPlane({ audit: true })
 * it('is ready', async () => expect(await plane().api.text('/readyz')).toBe('ok'))
 */
export function withControlPlane(options: Omit<ControlPlaneOptions, 'dir' | 'owned'> = {}): () => ControlPlane {
  return withPart((dir) => startControlPlane({ ...options, dir, owned: true }))
}

/** A host for one test file: libvirtd alone, without a network to other hosts. */
export function withHost(name = 'host'): () => Host {
  return withPart((dir) => startHost({ dir, name, owned: true }))
}

/**
 * Anything of the rig that lives in a directory and has a `stop`. If a test of the file fails, the part's logs stay
 * under test/artefacts.
 */
export function withPart<T extends { stop(): Promise<void> }>(start: (dir: string) => Promise<T>): () => T {
  let dir = ''
  let part: T | undefined
  beforeAll(async () => {
    await removeOrphanedClouds()
    dir = scratchDirectory()
    part = await start(dir)
  })
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the pattern's source: anything else is an error
  afterAll(async ({}, suite) => {
    if (failed(suite)) console.error(`kept: ${keepArtefacts(dir, `${suite.file.name}-${suite.name}`)}`)
    await part?.stop()
    rmSync(dir, { recursive: true, force: true })
  })
  return () => {
    if (!part) throw new Error('this part of the rig is up from beforeAll on')
    return part
  }
}

/** A suite's own result is not in yet while its afterAll runs: look at its tests. */
function failed(task: Readonly<RunnerTestSuite | RunnerTestCase>): boolean {
  return task.result?.state === 'fail' || ('tasks' in task && task.tasks.some(failed))
}
