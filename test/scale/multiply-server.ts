/**
 * Copies one Server, its Port and its action record (a ServerAction) ten thousand times. Writes through the API server
 * would take minutes, so the copies are written directly to etcd, in the API server's storage format.
 */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const PREFIX = '/registry/compute.kubenova.io'
/**
 * etcd allows at most 128 operations in one transaction. A transaction may exceed BATCH_SIZE a little, because each
 * copy of a Server adds several objects at once.
 */
const BATCH_SIZE = 100

interface Stored {
  key: string
  value: string
}

export interface MultiplyOptions {
  dir: string
  namespace: string
  /** Name of the Server to copy, which must have a host and an address. */
  model: string
  count: number
  hostOf(i: number): string
}

interface Placed {
  metadata: { uid: string }
  status: { host: string; addresses: { address: string; macAddress: string }[] }
}

/** Kinds of the copied objects. */
const copiedKinds = ['servers', 'ports', 'serveractions'] as const

export async function multiplyServer({ dir, namespace, model, count, hostOf }: MultiplyOptions): Promise<void> {
  const etcd = connectToEtcd(dir)
  const originals: Stored[] = []
  for (const plural of copiedKinds) originals.push(...(await etcd.list(`${PREFIX}/${plural}/${namespace}/`)))
  const stored = originals.find(({ key }) => key.endsWith(`/servers/${namespace}/${model}`))
  if (!stored) throw new Error(`etcd has no server ${model}`)
  const server = JSON.parse(stored.value) as Placed
  const batch: Stored[] = []
  for (let i = 0; i < count; i++) {
    const rename = makeRenamer(server, model, i, hostOf(i))
    batch.push(...originals.map(({ key, value }) => copyObject(key, value, rename, i)))
    if (batch.length >= BATCH_SIZE) await etcd.put(batch.splice(0))
  }
  await etcd.put(batch)
}

/** The returned function replaces, in JSON, the model's uid, name, host and addresses by those of copy number `i`. */
function makeRenamer({ metadata, status }: Placed, model: string, i: number, host: string): (text: string) => string {
  const { address, macAddress } = status.addresses[0] ?? { address: '', macAddress: '' }
  const [high, low] = [(i + 1000) >> 8, (i + 1000) & 255]
  const hex = (n: number): string => n.toString(16).padStart(2, '0')
  const pairs: [string, string][] = [
    [metadata.uid, randomUUID()],
    [`${model}-`, `${model}${i}-`],
    [`"${model}"`, `"${model}${i}"`],
    [`Server ${model}`, `Server ${model}${i}`],
    [status.host, host],
    [address, `${address.split('.').slice(0, 2).join('.')}.${high}.${low}`],
    [
      macAddress,
      `${macAddress.split(':').slice(0, 3).join(':')}:${hex(i >> 16)}:${hex((i >> 8) & 255)}:${hex(i & 255)}`,
    ],
  ]
  return (text) => pairs.reduce((now, [from, to]) => (from === '' ? now : now.replaceAll(from, to)), text)
}

/** `rename` replaces only the uid of the Server, so a Port or action record gets its new uid here. */
function copyObject(key: string, value: string, rename: (text: string) => string, i: number): Stored {
  const folder = key.slice(0, key.lastIndexOf('/'))
  const object = JSON.parse(rename(value)) as { kind: string; metadata: { name: string; uid: string } }
  if (object.kind !== 'Server') {
    object.metadata.uid = randomUUID()
    if (object.kind === 'Port') object.metadata.name = `${object.metadata.name.slice(0, 40)}-${i}`
  }
  return { key: `${folder}/${object.metadata.name}`, value: JSON.stringify(object) }
}

function connectToEtcd(dir: string) {
  const { ports } = JSON.parse(readFileSync(join(dir, 'control-plane/control-plane.json'), 'utf8')) as {
    ports: { etcd: number }
  }
  const call = async <T>(path: string, body: object): Promise<T> => {
    const answer = await fetch(`http://127.0.0.1:${ports.etcd}/v3/kv/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`etcd ${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as T
  }
  const encode = (text: string): string => Buffer.from(text).toString('base64')
  const decode = (text: string): string => Buffer.from(text, 'base64').toString()
  return {
    async list(prefix: string): Promise<Stored[]> {
      const end = `${prefix.slice(0, -1)}${String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)}`
      const { kvs = [] } = await call<{ kvs?: Stored[] }>('range', { key: encode(prefix), range_end: encode(end) })
      return kvs.map(({ key, value }) => ({ key: decode(key), value: decode(value) }))
    },
    async put(objects: readonly Stored[]): Promise<void> {
      const success = objects.map(({ key, value }) => ({ requestPut: { key: encode(key), value: encode(value) } }))
      if (success.length > 0) await call('txn', { success })
    },
  }
}
