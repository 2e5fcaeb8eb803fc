import { rmSync } from 'node:fs'
import { afterAll, beforeAll, type RunnerTestCase, type RunnerTestSuite } from 'vitest'
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts'
import { type Host, startHost } from './host.ts'
import { createScratchDirectory, keepArtefacts, removeOrphanedClouds } from './scratch.ts'

/**
 * Starts a control plane for the tests of one file. The API server listens on 127.0.0.1.
 *
 * @example
 * const plane = withControlPlane({ audit: true })
 * it('is ready', async () => expect(await plane().api.text('/readyz')).toBe('ok'))
 */
export function withControlPlane(options: Omit<ControlPlaneOptions, 'dir' | 'owned'> = {}): () => ControlPlane {
  return withRigPart((dir) => startControlPlane({ ...options, dir, owned: true }))
}

/** Starts a host with libvirtd for the tests of one file. The host has no network to other hosts. */
export function withHost(name = 'host'): () => Host {
  return withRigPart((dir) => startHost({ dir, name, owned: true }))
}

/** If a test fails, keeps the logs in test/artefacts. */
export function withRigPart<T extends { stop(): Promise<void> }>(start: (dir: string) => Promise<T>): () => T {
  let dir = ''
  let part: T | undefined
  beforeAll(async () => {
    await removeOrphanedClouds()
    dir = createScratchDirectory()
    part = await start(dir)
  })
  // oxlint-disable-next-line no-empty-pattern -- vitest accepts only an object pattern as the first parameter
  afterAll(async ({}, suite) => {
    if (hasFailed(suite)) console.error(`kept: ${keepArtefacts(dir, `${suite.file.name}-${suite.name}`)}`)
    await part?.stop()
    rmSync(dir, { recursive: true, force: true })
  })
  return () => {
    if (!part) throw new Error('this part of the rig is started in beforeAll')
    return part
  }
}

/** Looks at the tests, too, because a suite has a result in its afterAll only if a beforeAll has failed. */
export function hasFailed(task: Readonly<RunnerTestSuite | RunnerTestCase>): boolean {
  return task.result?.state === 'fail' || ('tasks' in task && task.tasks.some(hasFailed))
}
