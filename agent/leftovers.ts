/**
 * Domains and files of servers that are no longer this host's: deleted by force, or moved away, while the agent was not there to see.
 * What a deletion was seen of goes at once; what is merely not found goes after a time of grace, for an API server whose data was
 * restored from a backup knows nothing of what came after.
 */
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isOurs, type Server } from '../crds/index.ts'
import { ignoreNotFound } from '../kube/errors.ts'
import type { Log } from '../kube/log.ts'
import type { Resource } from '../kube/resource.ts'
import type { DomainClient, OwnedDomains } from './host/domain-client.ts'
import { instancesDir } from './host/paths.ts'

/** Whose something on this host is. */
export interface Owner {
  namespace: string
  name: string
  /** The Server's uid. */
  uid: string
}

export interface LeftoverOptions {
  hostName: string
  /** Who has a directory on this host, whether or not there is a domain. */
  owners(): Promise<Owner[]>
  servers: Resource<Server>
  /** The Server of that uid, if the cache has it on this host. */
  known(uid: string): boolean
  domains: Pick<DomainClient, 'list' | 'ownerOf'> & { of(uid: string): Pick<OwnedDomains, 'destroy' | 'undefine'> }
  /** Everything of a server that has no domain (any more) goes. */
  clean(uid: string): Promise<void>
  graceMs: number
  now(): number
  log: Log
}

/** Who owns the directory: written before anything else goes into it. */
const OWNER = 'owner.json'

export async function writeOwner(dir: string, owner: Owner): Promise<void> {
  await mkdir(dir, { recursive: true })
  const path = join(dir, OWNER)
  await writeFile(`${path}.new`, `${JSON.stringify(owner)}\n`)
  await rename(`${path}.new`, path)
}

/** A domain that cannot be read is none of ours; where libvirt cannot be asked, nobody knows. */
function unlessTerminal(error: unknown): undefined {
  if (!isOurs(error) || error.kind !== 'Terminal') throw error
}

export interface Leftovers {
  /** This server was deleted, or went to another host: what is left of it here goes now. */
  gone(owner: Owner, uuid: string): Promise<void>
  /** Looks for what belongs to no server of this host. @throws AggregateError of what could not be looked at, or removed; the rest is done */
  sweep(): Promise<void>
  /** uids of all servers whose domain is on this host, also of those that it is not to have any more. */
  present(): Promise<Set<string>>
}

export function createLeftovers(options: LeftoverOptions): Leftovers {
  const { servers, known, domains, clean, graceMs, now, log, hostName } = options
  const since = new Map<string, number>()

  /** The API server itself says that it is not ours; the cache may only be late. */
  async function isOurs({ namespace, name, uid }: Owner): Promise<boolean> {
    if (known(uid)) return true
    const server = await ignoreNotFound(servers.get({ namespace, name }))
    return server?.metadata.uid === uid && server.status?.host === hostName
  }

  async function remove(owner: Owner, uuid: string | undefined): Promise<void> {
    log.info({ server: `${owner.namespace}/${owner.name}`, uid: owner.uid }, 'leftover of a server is removed')
    if (uuid !== undefined) {
      // One of its uuid that somebody else made is not ours to remove.
      const its = domains.of(owner.uid)
      await its.destroy(uuid)
      await its.undefine(uuid)
    }
    await clean(owner.uid)
    since.delete(owner.uid)
  }

  async function look(owner: Owner, uuid: string | undefined): Promise<void> {
    if (await isOurs(owner)) return void since.delete(owner.uid)
    const first = since.get(owner.uid) ?? now()
    since.set(owner.uid, first)
    if (now() - first >= graceMs) return remove(owner, uuid)
    log.warn(
      { server: `${owner.namespace}/${owner.name}`, uid: owner.uid, graceMs },
      'belongs to no server of this host',
    )
  }

  return {
    async gone(owner, uuid) {
      if (!(await isOurs(owner))) await remove(owner, uuid)
    },
    async sweep() {
      const seen = new Set<string>()
      const errors: unknown[] = []
      const each = (act: () => Promise<void>): Promise<void> => act().catch((error: unknown) => void errors.push(error))
      for (const dom of await domains.list())
        await each(async () => {
          const mark = await domains.ownerOf(dom)
          if (!mark) return
          seen.add(mark.uid)
          await look(mark, dom.uuid)
        })
      for (const owner of await options.owners()) if (!seen.has(owner.uid)) await each(() => look(owner, undefined))
      if (errors.length > 0) throw new AggregateError(errors, `${errors.length} leftovers stay until the next sweep`)
    },
    async present() {
      const marks = await Promise.all((await domains.list()).map((dom) => domains.ownerOf(dom).catch(unlessTerminal)))
      return new Set(marks.flatMap((mark) => mark?.uid ?? []))
    },
  }
}

/** Those whose directories are below `stateDir`. */
export async function ownersIn(stateDir: string, log: Log): Promise<Owner[]> {
  const root = instancesDir(stateDir)
  const found: Owner[] = []
  for (const name of await readdir(root).catch(() => [])) {
    const text = await readFile(join(root, name, OWNER), 'utf8').catch(() => undefined)
    if (text === undefined) continue
    try {
      found.push(JSON.parse(text) as Owner)
    } catch (err) {
      // Nothing says whose it is: a person must look.
      log.warn({ err, directory: join(root, name) }, 'owner of a directory cannot be read')
    }
  }
  return found
}
