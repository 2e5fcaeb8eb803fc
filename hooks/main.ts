/**
 * The hooks of the Helm chart. Each prints one sentence, and exits with 1 if it fails. `boot-server` also prints to
 * standard error why its Server is not Ready yet.
 */
import { parseArgs } from 'node:util'
import { createKube, type Kube } from '../kube/client.ts'
import { bootTestServer } from './boot-server.ts'
import { findRemainingServers } from './uninstall-guard.ts'

const hooks: Record<string, (kube: Kube, args: readonly string[]) => Promise<string>> = {
  async 'uninstall-guard'(kube, args) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        release: { type: 'string', default: 'kubenova' },
        revision: { type: 'string', default: '' },
        namespace: { type: 'string', default: 'kubenova-system' },
      },
    })
    const { release, revision, namespace } = values
    const refusal = await findRemainingServers(kube, `helm rollback ${release} ${revision} --namespace ${namespace}`)
    if (refusal !== undefined) throw new Error(refusal)
    return 'no Server exists'
  },

  async 'boot-server'(kube, args) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        namespace: { type: 'string', default: 'kubenova-system' },
        'timeout-seconds': { type: 'string', default: '180' },
        'image-address': { type: 'string', default: '127.0.0.1:8000' },
        'node-labels': { type: 'string', default: '' },
      },
    })
    return bootTestServer(kube, {
      namespace: values.namespace,
      timeoutMs: Number(values['timeout-seconds']) * 1000,
      imageAddress: values['image-address'],
      nodeLabels: values['node-labels'],
      report: console.error,
    })
  },
}

const [name = '', ...args] = process.argv.slice(2)
const hook = hooks[name]
if (!hook) {
  console.error(`usage: hooks.mjs ${Object.keys(hooks).join(' | ')}`)
  process.exit(2)
}
try {
  await using kube = await createKube({ userAgent: 'kubenova-hook' })
  console.log(await hook(kube, args))
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
