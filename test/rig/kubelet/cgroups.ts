// When a host ends, the cgroups of its containers stay; nothing else removes them.
import { existsSync, readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { bridgeName } from '../network.ts'
import { waitUntil } from '../wait-until.ts'

const CGROUP_ROOT = '/sys/fs/cgroup'

/** The cgroup's name contains the name of the cloud's bridge, which is unique. */
export const hostCgroup = (dir: string, host: string): string => `${bridgeName(dir)}-${host}`

export const removeHostCgroups = (dir: string): Promise<void> =>
  removeCgroups((name) => name.startsWith(`${bridgeName(dir)}-`))

/** Also removes the cgroups inside them, in every hierarchy. Waits until their processes have ended. */
export async function removeCgroups(matches: (name: string) => boolean): Promise<void> {
  const removeAll = (): boolean => {
    for (const hierarchy of [CGROUP_ROOT, ...listDirectories(CGROUP_ROOT)])
      for (const cgroup of listDirectories(hierarchy))
        if (matches(cgroup.slice(hierarchy.length + 1))) removeTree(cgroup)
    return true
  }
  await waitUntil(removeAll, { what: 'the removal of cgroups' })
}

function listDirectories(path: string): string[] {
  if (!existsSync(path)) return []
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(path, entry.name))
}

function removeTree(cgroup: string): void {
  for (const child of listDirectories(cgroup)) removeTree(child)
  rmdirSync(cgroup)
}
