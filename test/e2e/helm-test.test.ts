// Tests the program that the chart's `helm test` runs: it serves a disk and boots a Server from it. In a second test no
// host can take the Server, so the program must fail.
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { freePorts } from '../rig/ports.ts'
import { runCommand } from '../rig/process.ts'
import { withCloud } from './user.ts'

const user = withCloud({ hosts: 1 })

/** Serves the disk at an address of this machine that the hosts can reach. */
async function runBootServer({ timeoutSeconds = 180 } = {}): Promise<string> {
  const { plane, kubeconfig } = user().cloud
  const address = new URL(plane.server).hostname
  const [port] = await freePorts(address, 1)
  const program = join(import.meta.dirname, '../../hooks/main.ts')
  const args = ['--namespace=default', `--image-address=${address}:${port}`, `--timeout-seconds=${timeoutSeconds}`]
  return runCommand([process.execPath, program, 'boot-server', ...args], { env: { KUBECONFIG: kubeconfig } })
}

const remainingObjects = (): Promise<string> =>
  user().kubectl('get', 'servers,images,flavors', '-o', 'name', '--field-selector=metadata.name=kubenova-test')

it('boot-server boots a Server from the disk that it serves, and removes it', async () => {
  expect(await runBootServer()).toMatch(/^a Server was Ready on h1 after \d+\.\d s and removed after \d+\.\d s\n$/)
  expect(await remainingObjects()).toBe('')
})

it('boot-server fails with the reason of the Server, and leaves nothing, when no host takes it', async () => {
  await user().kubectl('patch', 'hypervisor', 'h1', '--type=merge', '-p', '{"spec":{"disabled":true}}')
  await expect(runBootServer({ timeoutSeconds: 3 })).rejects.toThrow('the test Server is not Ready: NoValidHost: ')
  expect(await remainingObjects()).toBe('')
})
