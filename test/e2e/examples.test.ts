// Runs `make up HOSTS=2` and each runnable example, with the commands in its comment. Also tests two deletions that
// need a whole cloud: with `--cascade=orphan`, and of a namespace with a locked server.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Port, Server } from '../../crds/index.ts'
import { readExample } from '../examples.ts'
import { exampleFiles, parseManifests, root } from '../manifests.ts'
import { ensureBinaries } from '../rig/binaries.ts'
import { stopCloud } from '../rig/cloud.ts'
import { findHost } from '../rig/host.ts'
import { createScratchDirectory, removeOrphanedClouds } from '../rig/scratch.ts'
import { waitUntil } from '../rig/wait-until.ts'

const HOSTS = 2
const exec = promisify(execFile)

let dir: string
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  await removeOrphanedClouds()
  dir = createScratchDirectory()
  const { kubectl } = await ensureBinaries(['kubectl'])
  const cli = join(root, 'test/rig/cli.ts')
  const cloud = { ...process.env, CLOUD_DIR: dir }
  await exec(process.execPath, [cli, 'up', '--hosts', String(HOSTS)], { env: cloud })
  env = { ...process.env, KUBECONFIG: join(dir, 'kubeconfig'), PATH: `${dirname(kubectl)}:${process.env['PATH']}` }
})

afterAll(async () => stopCloud(dir))

const run = async (command: string): Promise<string> =>
  (await exec('bash', ['-c', command], { env, cwd: join(root, 'examples') })).stdout

const applied = new Set<string>()

async function runExample(file: string): Promise<void> {
  if (applied.has(file)) return
  applied.add(file)
  const { before, needs, cannotRun } = readExample(file)
  for (const need of needs) await runExample(need)
  for (const command of before) await run(command)
  if (isRequest(file)) return runRequest(file)
  const manager = file.startsWith('hypervisor/') ? ' --field-manager=operator' : ''
  await run(`kubectl apply --server-side${manager} -f ${file}`)
  if (cannotRun === undefined) await run(`kubectl wait --for=condition=Ready --timeout=300s -f ${file}`)
}

const isRequest = (file: string): boolean => file.startsWith('server-action/')

async function runRequest(file: string): Promise<void> {
  // A rescued server is not ready.
  if (file !== 'server-action/unrescue.yaml')
    await run(`kubectl wait --for=condition=Ready --timeout=300s server/web-1`)
  await beforeRequest[file]?.()
  const name = (await run(`kubectl create -o name -f ${file}`)).trim()
  await run(`kubectl wait --for=condition=Complete --timeout=300s ${name}`)
  expect(await run(`kubectl get ${name} -o jsonpath='{.status.phase}'`)).toBe('Succeeded')
}

const getServer = async (name: string): Promise<Server> =>
  JSON.parse(await run(`kubectl get server ${name} -o json`)) as Server

/** Functions that wait until web-1 is in a state in which the file's action succeeds and changes something. */
const beforeRequest: Record<string, () => Promise<unknown>> = {
  async 'server-action/set-password.yaml'() {
    const { status } = await getServer('web-1')
    const host = findHost({ dir, name: status?.host ?? '' })
    const ping = ['qemu-agent-command', status?.domain?.name ?? '', '{"execute":"guest-ping"}']
    // The guest may still be booting after an earlier example's reboot, and its guest agent starts only at the end of a
    // boot. So wait until the guest agent answers.
    const hasAgent = (): Promise<boolean> =>
      host.virsh(...ping).then(
        () => true,
        () => false,
      )
    await waitUntil(hasAgent, { what: 'the guest agent of web-1', deadline: 300_000, every: 2000 })
  },
  async 'server-action/start.yaml'() {
    const { status } = await getServer('web-1')
    const host = findHost({ dir, name: status?.host ?? '' })
    // A guest that is still booting ignores the power button, so press it until the guest is off.
    const isOff = async (): Promise<boolean> => {
      if ((await getServer('web-1')).status?.powerState === 'Shutdown') return true
      await host.virsh('shutdown', status?.domain?.name ?? '')
      return false
    }
    await waitUntil(isOff, { what: 'web-1 to be off', deadline: 300_000, every: 5000 })
    await run('kubectl wait --for=condition=Stalled --timeout=60s server/web-1')
  },
}

async function cleanUpAfter(file: string): Promise<void> {
  const objects = parseManifests(readFileSync(join(root, 'examples', file), 'utf8'))
  for (const { kind, metadata, apiVersion } of objects) {
    if (kind === 'Hypervisor') {
      const empty = JSON.stringify({ apiVersion, kind, metadata: { name: metadata.name }, spec: {} })
      await run(`echo '${empty}' | kubectl apply --server-side --field-manager=operator -f -`)
    }
    if (kind !== 'Server' || metadata.name === 'web-1' || metadata.name === 'db-1') continue
    await run(`kubectl patch server ${metadata.name} --type merge -p '{"spec":{"locked":false,"lockedReason":null}}'`)
    await run(`kubectl delete server ${metadata.name} --timeout=120s`)
  }
}

const meantToRun = exampleFiles()
  .filter((file) => readExample(file).cannotRun === undefined)
  // Run the examples of rescue and unrescue last, in this order, because a rescued server accepts no other request.
  .toSorted((a, b) => Number(/rescue/.test(a)) - Number(/rescue/.test(b)))

it('most examples are meant to run, on two hosts', () => {
  expect(meantToRun.length).toBeGreaterThan(25)
  expect(meantToRun.filter((file) => readExample(file).hosts > HOSTS)).toEqual([])
})

it.each(meantToRun)('examples/%s runs after make up', async (file) => {
  await runExample(file)
  await cleanUpAfter(file)
})

it('a deletion with --cascade=orphan frees the addresses of the server', async () => {
  await run('kubectl delete server web-1 --cascade=orphan --timeout=120s')
  const areGone = async (): Promise<boolean> => {
    const { items } = JSON.parse(await run('kubectl get ports -o json')) as { items: Port[] }
    return !items.some(({ spec }) => spec.server === 'web-1')
  }
  await waitUntil(areGone, { what: 'the ports of web-1 to be gone', deadline: 60_000, every: 200 })
})

it('a namespace is deleted with its locked server', async () => {
  await run('kubectl create namespace team-a')
  await run('kubectl apply -n team-a -f quickstart/image.yaml')
  await run('kubectl apply -n team-a -f server/minimal.yaml')
  await run('kubectl wait -n team-a --for=condition=Ready --timeout=300s server/minimal')
  await run(`kubectl patch -n team-a server minimal --type merge -p '{"spec":{"locked":true}}'`)
  await run('kubectl delete namespace team-a --timeout=180s')
})
