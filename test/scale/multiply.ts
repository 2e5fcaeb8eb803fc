/**
 * Ten thousand of what was once made properly. One server, its port and its record are read out of etcd as the API server keeps them, and put back under
 * other names, hosts and addresses: minutes of API writes become seconds. The API server and all that read it see nothing unusual.
 */

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const PREFIX = '/registry/compute.kubenova.io'
/** etcd takes 128 operations in a transaction. */
const BATCH = 100

interface Stored {
  key: string
  value: string
}

export interface MultiplyOptions {
  /** The directory of the stage. */
  dir: string
  namespace: string
  /** Server to be copied. Its host, address and port are found in it. */
  like: string
  count: number
  hostOf(i: number): string
}

interface Placed {
  metadata: { uid: string }
  status: { host: string; addresses: { address: string; macAddress: string }[] }
}

/** The kinds that go with a server, by plural, and the names of those of one server. */
const parts = ['servers', 'ports', 'serveractions'] as const

export async function multiply({ dir, namespace, like, count, hostOf }: MultiplyOptions): Promise<void> {
  const etcd = etcdOf(dir)
  const originals: Stored[] = []
  for (const plural of parts) originals.push(...(await etcd.list(`${PREFIX}/${plural}/${namespace}/`)))
  const found = originals.find(({ key }) => key.endsWith(`/servers/${namespace}/${like}`))
  if (!found) throw new Error(`etcd has no server ${like}`)
  const server = JSON.parse(found.value) as Placed
  const batch: Stored[] = []
  for (let i = 0; i < count; i++) {
    const rename = renamer(server, like, i, hostOf(i))
    batch.push(...originals.map(({ key, value }) => copyOf(key, value, rename, i)))
    if (batch.length >= BATCH) await etcd.put(batch.splice(0))
  }
  await etcd.put(batch)
}

/** All that tells one server from another, in any text of it. */
function renamer({ metadata, status }: Placed, like: string, i: number, host: string): (text: string) => string {
  const { address, macAddress } = status.addresses[0] ?? { address: '', macAddress: '' }
  const [high, low] = [(i + 1000) >> 8, (i + 1000) & 255]
  const hex = (n: number): string => n.toString(16).padStart(2, '0')
  const pairs: [string, string][] = [
    [metadata.uid, randomUUID()],
    [`${like}-`, `${like}${i}-`],
    [`"${like}"`, `"${like}${i}"`],
    [`Server ${like}`, `Server ${like}${i}`],
    [status.host, host],
    [address, `${address.split('.').slice(0, 2).join('.')}.${high}.${low}`],
    [
      macAddress,
      `${macAddress.split(':').slice(0, 3).join(':')}:${hex(i >> 16)}:${hex((i >> 8) & 255)}:${hex(i & 255)}`,
    ],
  ]
  return (text) => pairs.reduce((now, [from, to]) => (from === '' ? now : now.replaceAll(from, to)), text)
}

/** An object of its own: name and uid are its, whatever they were made from. */
function copyOf(key: string, value: string, rename: (text: string) => string, i: number): Stored {
  const folder = key.slice(0, key.lastIndexOf('/'))
  const object = JSON.parse(rename(value)) as { kind: string; metadata: { name: string; uid: string } }
  if (object.kind !== 'Server') {
    object.metadata.uid = randomUUID()
    if (object.kind === 'Port') object.metadata.name = `${object.metadata.name.slice(0, 40)}-${i}`
  }
  return { key: `${folder}/${object.metadata.name}`, value: JSON.stringify(object) }
}

/** etcd by its JSON gateway. */
function etcdOf(dir: string) {
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
    async put(all: readonly Stored[]): Promise<void> {
      const success = all.map(({ key, value }) => ({ requestPut: { key: encode(key), value: encode(value) } }))
      if (success.length > 0) await call('txn', { success })
    },
  }
}
