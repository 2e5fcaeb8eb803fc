/**
 * The hooks of the Helm chart. Each prints one sentence, and exits with 1 if it fails. `boot-server` also prints to
 * standard error why its Server is not Ready yet.
 */
import { createKube, type Kube } from '../kube/client.ts'
import { parseArguments } from './arguments.ts'
import { bootTestServer } from './boot-server.ts'
import { findRemainingServers } from './uninstall-guard.ts'

const hooks: Record<string, (kube: Kube, args: readonly string[]) => Promise<string>> = {
  async 'uninstall-guard'(kube, args) {
    const { release, revision, namespace } = parseArguments(args, { required: ['release', 'revision', 'namespace'] })
    const refusal = await findRemainingServers(kube, `helm rollback ${release} ${revision} --namespace ${namespace}`)
    if (refusal !== undefined) throw new Error(refusal)
    return 'no Server exists'
  },

  async 'boot-server'(kube, args) {
    const values = parseArguments(args, {
      required: ['namespace', 'timeout-seconds', 'image-address'],
      optional: ['node-labels'],
    })
    return bootTestServer(kube, {
      namespace: values.namespace,
      timeoutMs: Number(values['timeout-seconds']) * 1000,
      imageAddress: values['image-address'],
      nodeLabels: values['node-labels'] ?? '',
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
