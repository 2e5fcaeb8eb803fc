/**
 * The hook of `helm test`: boots a Server, waits until it is Ready, and removes it. The program itself serves the disk,
 * so the test needs no image from outside of the cluster.
 */
import { createHash } from 'node:crypto'
import { createServer, type Server as HttpServer } from 'node:http'
import {
  type Flavor,
  findCondition,
  flavor,
  type Hypervisor,
  hypervisor,
  type Image,
  image,
  resourceDefOf,
  type Server,
  server,
} from '../crds/index.ts'
import { parseAddress } from '../kube/address.ts'
import type { Kube } from '../kube/client.ts'
import { ignoreNotFound, isAlreadyExists, isForbidden, isKindMissing, isTransient } from '../kube/errors.ts'
import type { Resource } from '../kube/resource.ts'

export interface BootOptions {
  namespace: string
  timeoutMs: number
  /** Where the hosts download the disk from this program. */
  imageAddress: string
  /** The labels of nodes on which agents run, as `kubectl label` takes them; empty if agents run outside of Pods. */
  nodeLabels: string
  /** Called with each new reason for which the Server is not Ready yet. */
  report: (message: string) => void
}

const name = 'kubenova-test'
const POLL_MS = 1000
/** How long a removal may take. */
const REMOVAL_MS = 60_000
const MIB = 2 ** 20

/**
 * A raw disk of 1 MiB whose boot sector stops the virtual CPU: CLI, HLT, and a jump back to HLT. The BIOS boots the
 * disk because the boot sector ends with the signature 55 AA.
 */
export function makeBootableDisk(): Buffer {
  const disk = Buffer.alloc(MIB)
  Buffer.from([0xfa, 0xf4, 0xeb, 0xfd]).copy(disk)
  disk.writeUInt16BE(0x55_aa, 510)
  return disk
}

/**
 * Returns a sentence that tells how long boot and removal took. Throws an error with the reason of the condition Ready
 * if the Server does not become Ready.
 */
export async function bootTestServer(kube: Kube, options: BootOptions): Promise<string> {
  const { namespace, imageAddress, timeoutMs, report } = options
  const disk = makeBootableDisk()
  await using _http = await serveDisk(disk, parseAddress(imageAddress).port)
  const ref = { name, namespace }
  const servers = kube.resource<Server>(resourceDefOf(server))
  const images = kube.resource<Image>(resourceDefOf(image))
  const flavors = kube.resource<Flavor>(resourceDefOf(flavor))
  const remove = async (): Promise<void> => {
    const removals = [removeObject(servers, ref), removeObject(images, ref), removeObject(flavors, { name })]
    await Promise.all(removals)
  }
  await remove() // An earlier run may have been killed before it removed its objects.
  const started = Date.now()
  const deadline = started + timeoutMs
  try {
    const hypervisors = kube.resource<Hypervisor>(resourceDefOf(hypervisor))
    await waitForHost(hypervisors, { ...options, deadline })
    await createObject(flavors, { metadata: { name }, spec: { vcpus: 1, ram: 64, disk: 1 } }, deadline)
    const checksum = `sha256:${createHash('sha256').update(disk).digest('hex')}`
    const url = `http://${imageAddress}/disk.raw`
    await createObject(images, { metadata: ref, spec: { url, checksum, format: 'raw' } }, deadline)
    await createObject(servers, { metadata: ref, spec: { flavor: name, image: { name }, networks: [] } }, deadline)
    const host = await waitUntilReady(servers, ref, { deadline, report })
    const booted = Date.now()
    await remove()
    return `a Server was Ready on ${host} after ${formatSeconds(booted - started)} and removed after ${formatSeconds(Date.now() - booted)}`
  } catch (error) {
    // Report only the first error; the next run removes what is left.
    await remove().catch(() => undefined)
    throw error
  }
}

/**
 * Returns a sentence that says why no host can take a Server, and what to do; undefined if a Hypervisor is Ready.
 * @param nodeLabels as in BootOptions
 */
export function describeMissingHost(
  hypervisors: readonly Hypervisor[],
  { namespace, nodeLabels }: Pick<BootOptions, 'namespace' | 'nodeLabels'>,
): string | undefined {
  const pods = `kubectl get pods --namespace ${namespace}`
  if (hypervisors.length === 0)
    return nodeLabels === ''
      ? 'no Hypervisor exists: start an agent on a host'
      : `no Hypervisor exists: label a node (kubectl label node NAME ${nodeLabels}), and see that its agent runs (${pods})`
  const causes = hypervisors.map(({ metadata, status }) => {
    const ready = findCondition(status?.conditions, 'Ready')
    if (ready?.status === 'True') return undefined
    return `${metadata.name}: ${ready ? `${ready.reason}: ${ready.message}` : `its agent has not reported yet; see ${pods}`}`
  })
  if (causes.includes(undefined)) return undefined
  const more = causes.length > 3 ? `; and ${causes.length - 3} more` : ''
  return `no Hypervisor is Ready: ${causes.slice(0, 3).join('; ')}${more}`
}

/** Waits until a Hypervisor is Ready. Throws an error with the reason if there is none at the deadline. */
export async function waitForHost(
  hypervisors: Resource<Hypervisor>,
  options: Pick<BootOptions, 'namespace' | 'nodeLabels' | 'report'> & { deadline: number },
): Promise<void> {
  let reported: string | undefined
  for (;;) {
    const found = await retryUntilDeadline(() => hypervisors.list(), options.deadline)
    const why = describeMissingHost(found.items, options)
    if (why === undefined) return
    if (Date.now() > options.deadline) throw new Error(why)
    if (why !== reported) options.report(why)
    reported = why
    await waitForNextPoll()
  }
}

const waitForNextPoll = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, POLL_MS))

const formatSeconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

async function serveDisk(disk: Buffer, port: number): Promise<AsyncDisposable> {
  const http: HttpServer = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': disk.length })
    response.end(request.method === 'HEAD' ? undefined : disk)
  })
  await new Promise<void>((resolve, reject) => http.once('error', reject).listen(port, resolve))
  return {
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

/**
 * Repeats `call` after transient errors: for some seconds after the installation the API server may answer 503, until
 * it knows the schema of a Server (docs/adr/0012), 403, until it has read the roles, and 404, until it knows the kinds.
 * Rejects with any other error, and with the last error after the deadline.
 */
async function retryUntilDeadline<T>(call: () => Promise<T>, deadline: number): Promise<T> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      const isPassing = isTransient(error) || isForbidden(error) || isKindMissing(error)
      if (!isPassing || Date.now() > deadline) throw error
      await waitForNextPoll()
    }
  }
}

/** A request that failed may have created the object, so an existing object is taken for that of the test. */
async function createObject<T extends Server | Image | Flavor>(
  resource: Resource<T>,
  object: Parameters<Resource<T>['create']>[0],
  deadline: number,
): Promise<void> {
  const create = async (): Promise<void> => {
    try {
      await resource.create(object)
    } catch (error) {
      if (!isAlreadyExists(error)) throw error
    }
  }
  await retryUntilDeadline(create, deadline)
}

/** NoValidHost is not final, because a host may still appear. */
function isFinal(status: Server['status']): boolean {
  const stalled = findCondition(status?.conditions, 'Stalled')
  return stalled !== undefined && stalled.reason !== 'NoValidHost'
}

/**
 * Returns the Server's host. Throws an error with the reason of the condition Ready at the deadline, or earlier if the
 * Server is stalled for good.
 */
export async function waitUntilReady(
  servers: Resource<Server>,
  ref: { name: string; namespace: string },
  { deadline, report }: { deadline: number } & Pick<BootOptions, 'report'>,
): Promise<string> {
  let reported: string | undefined
  for (;;) {
    const { status } = await retryUntilDeadline(() => servers.get(ref), deadline)
    const ready = findCondition(status?.conditions, 'Ready')
    if (ready?.status === 'True') return status?.host ?? 'no host'
    if (Date.now() > deadline || isFinal(status))
      throw new Error(`the test Server is not Ready: ${describeCondition(ready)}`)
    if (ready !== undefined && ready.reason !== reported) {
      reported = ready.reason
      report(`the test Server is not Ready yet: ${describeCondition(ready)}`)
    }
    await waitForNextPoll()
  }
}

const describeCondition = (condition: { reason?: string; message?: string } | undefined): string =>
  condition === undefined
    ? 'it has no status; does the controller run? See kubectl get pods'
    : `${condition.reason}: ${condition.message}`

async function removeObject<T extends Server | Image | Flavor>(
  resource: Resource<T>,
  ref: { name: string; namespace?: string },
): Promise<void> {
  const deadline = Date.now() + REMOVAL_MS
  await retryUntilDeadline(() => ignoreNotFound(resource.delete(ref)), deadline)
  while ((await retryUntilDeadline(() => ignoreNotFound(resource.get(ref)), deadline)) !== undefined) {
    if (Date.now() > deadline)
      throw new Error(`${resource.def.kind} ${name} is not removed in time; see kubectl describe`)
    await waitForNextPoll()
  }
}
