/**
 * Sends NMIs, at most one for each request. Before an NMI, the agent writes a note with the request's id into the
 * running domain's metadata. The note keeps an agent that restarts after a crash from sending the NMI again.
 */
import type { NmiResult } from '../../actions/host/index.ts'
import { parseXml } from '../domain/parse-xml.ts'
import { renderXml, xmlElement } from '../domain/render-xml.ts'
import {
  type CallFunction,
  type DomainRef,
  isLibvirtError,
  metadataType,
  modificationImpact,
  proc,
} from '../libvirt/index.ts'
import { isDomainActive } from './observe-domain.ts'
import type { WithDomain } from './owned-domain.ts'

const NMI_NAMESPACE = 'https://kubenova.io/nmi/1'
const NMI_PREFIX = 'kubenova-nmi'
/** libvirt drops live metadata, and the note in it, when QEMU ends. */
const LIVE = modificationImpact.live

interface Note {
  requestId: string | undefined
  state: string | undefined
}

/**
 * Ids of requests whose NMI libvirtd failed to send, and whose note it then failed to remove. After a restart of the
 * agent, which loses this set, the note means that it is unknown whether the NMI was sent.
 */
export type UnsentNmis = Set<string>

export function newNmiSender(
  call: CallFunction,
  withDomain: WithDomain,
  unsent: UnsentNmis,
): (uuid: string, requestId: string) => Promise<NmiResult> {
  return async (uuid, requestId) =>
    (await withDomain('send an NMI', uuid, (dom) => sendNmiOnce(call, dom, requestId, unsent))) ?? 'notRunning'
}

async function sendNmiOnce(
  call: CallFunction,
  dom: DomainRef,
  requestId: string,
  unsent: UnsentNmis,
): Promise<NmiResult> {
  const writeNote = async (state: 'sending' | 'sent'): Promise<void> => {
    const metadata = renderXml(xmlElement('nmi', { request: requestId, state }))
    await call(proc.domainSetMetadata, {
      dom,
      type: metadataType.element,
      metadata,
      key: NMI_PREFIX,
      uri: NMI_NAMESPACE,
      flags: LIVE,
    })
  }
  try {
    const lastNote = await readNote(call, dom)
    if (lastNote?.requestId === requestId && !unsent.has(requestId))
      return lastNote.state === 'sent' ? 'sent' : 'unknown'
    await writeNote('sending')
    await injectNmi(call, dom, requestId, unsent)
  } catch (error) {
    if (isLibvirtError(error, 'VIR_ERR_OPERATION_INVALID') && !(await isDomainActive(call, dom))) return 'notRunning'
    throw error
  }
  await writeNote('sent')
  return 'sent'
}

/**
 * After an error answer of libvirt no NMI was sent, so the note is removed. Without any answer the NMI may have been
 * sent, so the note stays.
 */
async function injectNmi(call: CallFunction, dom: DomainRef, requestId: string, unsent: UnsentNmis): Promise<void> {
  unsent.delete(requestId)
  try {
    await call(proc.domainInjectNmi, { dom, flags: 0 })
  } catch (error) {
    if (isLibvirtError(error)) {
      unsent.add(requestId)
      await removeNote(call, dom)
      unsent.delete(requestId)
    }
    throw error
  }
}

async function removeNote(call: CallFunction, dom: DomainRef): Promise<void> {
  const note = { dom, type: metadataType.element, metadata: null, key: null, uri: NMI_NAMESPACE, flags: LIVE }
  try {
    await call(proc.domainSetMetadata, note)
  } catch (error) {
    // If the domain is off or gone, libvirt has dropped the note.
    const isForgotten = isLibvirtError(error, 'VIR_ERR_OPERATION_INVALID') || isLibvirtError(error, 'VIR_ERR_NO_DOMAIN')
    if (!isForgotten) throw error
  }
}

async function readNote(call: CallFunction, dom: DomainRef): Promise<Note | undefined> {
  try {
    const { metadata } = await call(proc.domainGetMetadata, {
      dom,
      type: metadataType.element,
      uri: NMI_NAMESPACE,
      flags: LIVE,
    })
    const { request: requestId, state } = parseXml(metadata, 'note of an NMI').attributes
    return { requestId, state }
  } catch (error) {
    if (isLibvirtError(error, 'VIR_ERR_NO_DOMAIN_METADATA')) return undefined
    throw error
  }
}
