/**
 * Collects orphans: domains and files of Servers that were deleted or moved while the agent was down. An orphan is kept
 * for a grace period, because the domains of new Servers look like orphans after the API server was restored from an
 * older backup.
 */
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isKubenovaError, type Server } from '../crds/index.ts'
import { ignoreNotFound } from '../kube/errors.ts'
import type { Log } from '../kube/log.ts'
import type { Resource } from '../kube/resource.ts'
import type { DomainClient, OwnedDomains } from './host/domain-client.ts'
import { instancesDirOf } from './host/paths.ts'

export interface Owner {
  namespace: string
  name: string
  /** The Server's uid. */
  uid: string
}

export interface OrphanOptions {
  hostName: string
  /** Lists the owner of each directory that a Server has on this host, even if the Server has no domain. */
  listOwners(): Promise<Owner[]>
  servers: Resource<Server>
  /** Whether the agent's cache has a Server with that uid on this host. */
  isCached(uid: string): boolean
  domains: Pick<DomainClient, 'list' | 'ownerOf'> & { of(uid: string): Pick<OwnedDomains, 'destroy' | 'undefine'> }
  /** Removes everything of a Server except its domain. */
  removeFiles(uid: string): Promise<void>
  graceMs: number
  now(): number
  log: Log
}

/** The first file that is written into a Server's directory; it names the owner. */
const OWNER_FILE = 'owner.json'

export async function writeOwnerFile(dir: string, owner: Owner): Promise<void> {
  await mkdir(dir, { recursive: true })
  const path = join(dir, OWNER_FILE)
  await writeFile(`${path}.new`, `${JSON.stringify(owner)}\n`)
  await rename(`${path}.new`, path)
}

/**
 * Ignores a Terminal error: the domain's metadata cannot be parsed, so the domain belongs to no Server. After any other
 * error, the domain's owner is unknown, so the error is thrown again.
 */
function ignoreTerminal(error: unknown): undefined {
  if (!isKubenovaError(error) || error.kind !== 'Terminal') throw error
}

export interface OrphanCollector {
  /** Removes at once what is left of a Server that was deleted or moved to another host. */
  collectDeleted(owner: Owner, uuid: string): Promise<void>
  /**
   * Removes the orphans whose grace period is over. At the end, throws an AggregateError if some orphans could not be
   * checked or removed.
   */
  sweep(): Promise<void>
  serversWithDomains(): Promise<Set<string>>
}

const fieldsOf = ({ namespace, name, uid }: Owner) => ({ server: `${namespace}/${name}`, uid })

export function createOrphanCollector(options: OrphanOptions): OrphanCollector {
  const { servers, isCached, domains, removeFiles, graceMs, now, log, hostName } = options
  /** When each orphan was first seen, in milliseconds of the clock `now`, by the uid of its owner. */
  const firstSeen = new Map<string, number>()

  /**
   * Whether the Server is on this host. If the cache lacks the Server, asks the API server, because the cache may be
   * behind.
   */
  async function belongsHere({ namespace, name, uid }: Owner): Promise<boolean> {
    if (isCached(uid)) return true
    const server = await ignoreNotFound(servers.get({ namespace, name }))
    return server?.metadata.uid === uid && server.status?.host === hostName
  }

  /** Does nothing if nothing of the Server is on this host, as after a deletion that the agent has done itself. */
  async function removeAll(owner: Owner, uuid: string | undefined): Promise<void> {
    if (uuid !== undefined) {
      // By now, the UUID may be that of another Server's domain. `destroy` and `undefine` leave such a domain alone.
      const domain = domains.of(owner.uid)
      await domain.destroy(uuid)
      await domain.undefine(uuid)
    }
    await removeFiles(owner.uid)
    firstSeen.delete(owner.uid)
  }

  async function removeAfterGrace(owner: Owner, uuid: string | undefined): Promise<void> {
    if (await belongsHere(owner)) return void firstSeen.delete(owner.uid)
    const orphanedAt = firstSeen.get(owner.uid) ?? now()
    firstSeen.set(owner.uid, orphanedAt)
    if (now() - orphanedAt < graceMs)
      return log.warn({ ...fieldsOf(owner), graceMs }, 'found an orphan, to be removed after its grace period')
    log.info(fieldsOf(owner), 'removing an orphan')
    await removeAll(owner, uuid)
  }

  return {
    async collectDeleted(owner, uuid) {
      if (await belongsHere(owner)) return
      log.debug(fieldsOf(owner), 'the server is gone, or on another host: removing what is left of it')
      await removeAll(owner, uuid)
    },
    async sweep() {
      const seen = new Set<string>()
      const errors: unknown[] = []
      const attempt = (act: () => Promise<void>): Promise<void> =>
        act().catch((error: unknown) => void errors.push(error))
      for (const dom of await domains.list())
        await attempt(async () => {
          const owner = await domains.ownerOf(dom)
          if (!owner) return
          seen.add(owner.uid)
          await removeAfterGrace(owner, dom.uuid)
        })
      for (const owner of await options.listOwners())
        if (!seen.has(owner.uid)) await attempt(() => removeAfterGrace(owner, undefined))
      if (errors.length > 0) throw new AggregateError(errors, `${errors.length} orphans stay until the next sweep`)
    },
    async serversWithDomains() {
      const owners = await Promise.all((await domains.list()).map((dom) => domains.ownerOf(dom).catch(ignoreTerminal)))
      return new Set(owners.flatMap((owner) => owner?.uid ?? []))
    },
  }
}

export async function readOwnerFiles(stateDir: string, log: Log): Promise<Owner[]> {
  const root = instancesDirOf(stateDir)
  const owners: Owner[] = []
  for (const name of await readdir(root).catch(() => [])) {
    const text = await readFile(join(root, name, OWNER_FILE), 'utf8').catch(() => undefined)
    if (text === undefined) continue
    try {
      owners.push(JSON.parse(text) as Owner)
    } catch (err) {
      // Without a readable owner file, the agent cannot tell whether the directory is an orphan, so an operator must
      // remove the directory.
      log.warn({ err, directory: join(root, name) }, 'owner of a directory cannot be read')
    }
  }
  return owners
}
