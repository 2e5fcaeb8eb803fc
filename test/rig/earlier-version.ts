// Provides the chart and the images of an earlier commit, for tests of an upgrade. They are built once, in the cache.
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheDirectory } from './binaries.ts'
import { runCommand } from './process.ts'

export interface EarlierVersion {
  /** Folder of the chart. */
  chart: string
  /** Paths of the OCI archives of the images. */
  images: string[]
}

const root = join(import.meta.dirname, '../..')
/** Building images for the first time can take a quarter of an hour on two cores. */
const BUILD_MS = 1_800_000

/** @param commit any name of a commit that this repository has */
export async function ensureEarlierVersion(commit: string, log: (line: string) => void): Promise<EarlierVersion> {
  const id = await findCommit(commit)
  const folder = join(dirname(cacheDirectory()), 'earlier', id)
  if (!existsSync(folder)) await extractCommit(id, folder)
  log(`earlier version: ${id.slice(0, 8)}`)
  const program = `import { ensureImages } from '${folder}/hack/images/ensure.ts'; console.log(JSON.stringify(await ensureImages(console.error)))`
  const output = await runCommand([process.execPath, '--input-type=module', '--eval', program], {
    cwd: folder,
    timeout: BUILD_MS,
  })
  return { chart: join(folder, 'charts/kubenova'), images: JSON.parse(output) as string[] }
}

/** @throws an error that says what to do if the repository does not have the commit, as a shallow clone */
export async function findCommit(commit: string): Promise<string> {
  try {
    return (await runCommand(['git', 'rev-parse', '--verify', `${commit}^{commit}`], { cwd: root })).trim()
  } catch (cause) {
    const advice = 'fetch it (git fetch --unshallow), or name another commit (make upgrade FROM=COMMIT)'
    throw new Error(`this clone has no commit ${commit}, from which the test upgrades: ${advice}`, { cause })
  }
}

/** Its programs are bundled with the packages of the present version. */
async function extractCommit(id: string, folder: string): Promise<void> {
  const incomplete = `${folder}.new`
  rmSync(incomplete, { recursive: true, force: true })
  mkdirSync(incomplete, { recursive: true })
  const script = 'git -C "$1" archive "$2" | tar --extract --directory "$3"'
  await runCommand(['bash', '-o', 'pipefail', '-ec', script, 'bash', root, id, incomplete])
  symlinkSync(join(root, 'node_modules'), join(incomplete, 'node_modules'))
  renameSync(incomplete, folder)
}
