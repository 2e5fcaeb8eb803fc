/**
 * Sends NMIs. A note in the running domain's metadata says which request is being sent: it outlives the agent, and ends
 * with the QEMU.
 */
import type { NmiResult } from '../../actions/host/index.ts'
import { parseXml } from '../domain/parse-xml.ts'
import { renderXml, xmlElement } from '../domain/render-xml.ts'
import { type CallFunction, type DomainRef, isLibvirtError, proc } from '../libvirt/index.ts'
import type { WithDomain } from './owned-domain.ts'

const NMI_NAMESPACE = 'https://kubenova.io/nmi/1'
const NMI_PREFIX = 'kubenova-nmi'
/** VIR_DOMAIN_METADATA_ELEMENT */
const ELEMENT = 2
/** VIR_DOMAIN_AFFECT_LIVE: libvirt refuses it for a domain that is off, and forgets the note when QEMU ends. */
const LIVE = 1

interface Note {
  requestId: string | undefined
  state: string | undefined
}

export function newNmiSender(
  call: CallFunction,
  withDomain: WithDomain,
): (uuid: string, requestId: string) => Promise<NmiResult> {
  return async (uuid, requestId) =>
    (await withDomain('send an NMI', uuid, (dom) => sendOnce(call, dom, requestId))) ?? 'notRunning'
}

async function sendOnce(call: CallFunction, dom: DomainRef, requestId: string): Promise<NmiResult> {
  const note = async (state: 'sending' | 'sent'): Promise<void> => {
    const metadata = renderXml(xmlElement('nmi', { request: requestId, state }))
    await call(proc.domainSetMetadata, {
      dom,
      type: ELEMENT,
      metadata,
      key: NMI_PREFIX,
      uri: NMI_NAMESPACE,
      flags: LIVE,
    })
  }
  try {
    const known = await readNote(call, dom)
    if (known?.requestId === requestId) return known.state === 'sent' ? 'sent' : 'unknown'
    await note('sending')
    await send(call, dom)
  } catch (error) {
    if (isLibvirtError(error, 'VIR_ERR_OPERATION_INVALID') && !(await isActive(call, dom))) return 'notRunning'
    throw error
  }
  await note('sent')
  return 'sent'
}

/**
 * An error that libvirt answers means that no NMI was sent; without an answer the note stays, because it may have been.
 */
async function send(call: CallFunction, dom: DomainRef): Promise<void> {
  try {
    await call(proc.domainInjectNmi, { dom, flags: 0 })
  } catch (error) {
    if (isLibvirtError(error)) await removeNote(call, dom)
    throw error
  }
}

async function removeNote(call: CallFunction, dom: DomainRef): Promise<void> {
  const note = { dom, type: ELEMENT, metadata: null, key: null, uri: NMI_NAMESPACE, flags: LIVE }
  try {
    await call(proc.domainSetMetadata, note)
  } catch (error) {
    // The domain has gone off, and the note with it.
    if (!isLibvirtError(error)) throw error
  }
}

async function readNote(call: CallFunction, dom: DomainRef): Promise<Note | undefined> {
  try {
    const { metadata } = await call(proc.domainGetMetadata, { dom, type: ELEMENT, uri: NMI_NAMESPACE, flags: LIVE })
    const { request: requestId, state } = parseXml(metadata, 'note of an NMI').attributes
    return { requestId, state }
  } catch (error) {
    if (isLibvirtError(error, 'VIR_ERR_NO_DOMAIN_METADATA')) return undefined
    throw error
  }
}

const isActive = async (call: CallFunction, dom: DomainRef): Promise<boolean> =>
  (await call(proc.domainIsActive, { dom })).active
