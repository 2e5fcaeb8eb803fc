import { describe, expect, it } from 'vitest'
import { resourceDefOf, type Server, server } from '../crds/index.ts'
import { FakeApi } from '../test/fakes/api.ts'
import { Life } from '../test/fakes/life.ts'
import { makeBootableDisk } from './boot-server.ts'
import { findRemainingServers } from './uninstall-guard.ts'

describe('findRemainingServers', () => {
  const kubeWith = async (names: readonly string[]) => {
    const kube = new FakeApi(() => new Date(0)).kube(new Life(), 'test')
    const servers = kube.resource<Server>(resourceDefOf(server))
    for (const name of names)
      await servers.create({
        metadata: { name, namespace: 'default' },
        spec: { flavor: 'tiny', image: { name: 'guest' }, networks: [] },
      })
    return kube
  }

  it('returns undefined when no Server exists', async () => {
    expect(await findRemainingServers(await kubeWith([]))).toBeUndefined()
  })

  it('names three Servers and counts the rest when more exist', async () => {
    expect(await findRemainingServers(await kubeWith(['d', 'b', 'a', 'c', 'e']))).toBe(
      '5 Servers exist (default/a, default/b, default/c and 2 more), and only the agents can remove guests and disks: ' +
        'delete the Servers first (kubectl delete servers --all --all-namespaces), or uninstall with --no-hooks to leave ' +
        'their guests running without Kubenova',
    )
  })
})

it('makeBootableDisk makes a disk that a BIOS boots', () => {
  const disk = makeBootableDisk()
  expect(disk.length).toBe(1_048_576)
  expect(disk.subarray(510, 512).toString('hex')).toBe('55aa')
})
