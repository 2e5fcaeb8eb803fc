import { Terminal, Transient } from '../../crds/index.ts'
import { type DomainOwner, METADATA_NAMESPACE, parseDomainOwner } from '../domain/metadata.ts'
import {
  type CallFunction,
  type DomainRef,
  isLibvirtError,
  metadataType,
  modificationImpact,
  proc,
} from '../libvirt/index.ts'
import { errorFromLibvirt } from './errors.ts'

/** The metadata of the running domain or, if the domain is off, of its persistent definition. */
const CURRENT = modificationImpact.current

/**
 * Calls `act` with the domain of this UUID; returns undefined if there is none.
 * @param doing the operation, for messages
 * @param foreign how to treat a domain that the Server does not own: `refuse` (default) throws an error, `skip` treats
 * it as absent
 */
export type WithDomain = <T>(
  doing: string,
  uuid: string,
  act: (dom: DomainRef, owner: DomainOwner) => Promise<T>,
  foreign?: 'refuse' | 'skip',
) => Promise<T | undefined>

export function createOwnedDomainCaller(call: CallFunction, uid: string): WithDomain {
  return async (doing, uuid, act, foreign = 'refuse') => {
    try {
      const dom = await findDomain(call, uuid)
      if (!dom) return undefined
      const owner = await readOwner(call, dom)
      if (owner?.uid === uid) return await act(dom, owner)
      if (foreign === 'skip') return undefined
      throw uuidInUseError(dom, owner, doing)
    } catch (error) {
      if (isLibvirtError(error, 'VIR_ERR_NO_DOMAIN')) return undefined
      throw errorFromLibvirt(error, doing)
    }
  }
}

/**
 * Transient (retried) if an earlier Server owns the domain, because the agent will remove the domain as an orphan.
 * Otherwise Terminal, because the agent never removes a domain that no Server owns.
 */
function uuidInUseError(
  { name, uuid }: DomainRef,
  owner: DomainOwner | undefined,
  doing: string,
): Transient | Terminal {
  const there = `${doing}: the host has a domain ${name} of uuid ${uuid}`
  if (owner)
    return new Transient('UUIDInUse', `${there}, of Server ${owner.namespace}/${owner.name} of uid ${owner.uid}`)
  return new Terminal('UUIDInUse', `${there} that no Server has made: leave spec.uuid out, or remove that domain`)
}

async function findDomain(call: CallFunction, uuid: string): Promise<DomainRef | undefined> {
  try {
    return (await call(proc.domainLookupByUuid, { uuid })).dom
  } catch (error) {
    if (isLibvirtError(error, 'VIR_ERR_NO_DOMAIN')) return undefined
    throw error
  }
}

/** Returns undefined if the domain has no metadata of Kubenova. */
export async function readOwner(call: CallFunction, dom: DomainRef): Promise<DomainOwner | undefined> {
  try {
    const { metadata } = await call(proc.domainGetMetadata, {
      dom,
      type: metadataType.element,
      uri: METADATA_NAMESPACE,
      flags: CURRENT,
    })
    return parseDomainOwner(metadata)
  } catch (error) {
    if (isLibvirtError(error, 'VIR_ERR_NO_DOMAIN_METADATA')) return undefined
    throw error
  }
}
