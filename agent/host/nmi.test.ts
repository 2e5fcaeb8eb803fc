import { describe, expect, it } from 'vitest'
import { ownerElement } from '../domain/metadata.ts'
import { renderXml } from '../domain/render-xml.ts'
import { type CallFunction, ConnectionError, proc } from '../libvirt/index.ts'
import { makeLibvirtError } from '../libvirt/testing/errors.ts'
import { newDomainClient } from './domain-client.ts'

const uuid = '00000000-0000-4000-8000-000000000001'
const dom = { name: 'web', uuid, id: 1 }
const owner = renderXml(ownerElement({ namespace: 'demo', name: 'web', uid: 'u1' }))

const notRunning = makeLibvirtError(55, 'Requested operation is not valid: domain is not running')
const noMetadata = makeLibvirtError(80, 'metadata not found: Requested metadata element is not present')
const busy = makeLibvirtError(68, 'Timed out during operation: cannot acquire state change lock')
const nmiUnsupported = makeLibvirtError(9, 'operation failed: machine does not provide NMIs')

/** `calls` lists, in order, the NMIs and the changes of the note in the domain's metadata. */
function startLibvirtd({
  active = true,
  onInjectNmi = (): unknown => undefined,
  onRemoveNote = (): unknown => undefined,
} = {}) {
  const calls: string[] = []
  let note: string | undefined
  const readNote = (): { metadata: string } => {
    if (note === undefined) throw noMetadata
    return { metadata: note }
  }
  const writeNote = (text: string | undefined): object => {
    note = text
    calls.push(/state="(\w+)"/.exec(text ?? '')?.[1] ?? 'no note')
    return {}
  }
  const call = async (procedure: unknown, args: { uri?: string; metadata?: string | null }): Promise<unknown> => {
    if (procedure === proc.domainLookupByUuid) return { dom }
    if (procedure === proc.domainIsActive) return { active }
    if (procedure === proc.domainGetMetadata && args.uri?.includes('/domain/')) return { metadata: owner }
    if (!active) throw notRunning
    if (procedure === proc.domainGetMetadata) return readNote()
    if (procedure === proc.domainInjectNmi) {
      calls.push('NMI')
      return onInjectNmi()
    }
    if (args.metadata === null) await onRemoveNote()
    return writeNote(args.metadata ?? undefined)
  }
  const client = newDomainClient(call as unknown as CallFunction)
  return { calls, domains: { injectNmi: (id: string, request: string) => client.of('u1').injectNmi(id, request) } }
}

describe('injectNmi', () => {
  it('sends one NMI for each request, however often it is repeated', async () => {
    const { calls, domains } = startLibvirtd()
    for (const request of ['r1', 'r1', 'r2']) expect(await domains.injectNmi(uuid, request)).toBe('sent')
    expect(calls).toEqual(['sending', 'NMI', 'sent', 'sending', 'NMI', 'sent'])
  })

  it('answers unknown and sends none when the connection broke while one was sent', async () => {
    const lost = new ConnectionError('lost', 'libvirtd has closed the connection', { sent: true })
    const { calls, domains } = startLibvirtd({ onInjectNmi: () => Promise.reject(lost) })
    await expect(domains.injectNmi(uuid, 'r1')).rejects.toMatchObject({ kind: 'Transient', code: 'LibvirtUnreachable' })
    expect(await domains.injectNmi(uuid, 'r1')).toBe('unknown')
    expect(calls).toEqual(['sending', 'NMI'])
  })

  it('tries again when libvirt answers that it could not', async () => {
    let tries = 0
    const { calls, domains } = startLibvirtd({
      onInjectNmi: () => (tries++ === 0 ? Promise.reject(nmiUnsupported) : {}),
    })
    await expect(domains.injectNmi(uuid, 'r1')).rejects.toMatchObject({ kind: 'Transient', code: 'LibvirtError' })
    expect(await domains.injectNmi(uuid, 'r1')).toBe('sent')
    expect(calls).toEqual(['sending', 'NMI', 'no note', 'sending', 'NMI', 'sent'])
  })

  it('tries again when libvirtd was too busy to send it and to remove the note', async () => {
    const failOnce = (): (() => unknown) => {
      let tries = 0
      return () => (tries++ === 0 ? Promise.reject(busy) : {})
    }
    const { calls, domains } = startLibvirtd({ onInjectNmi: failOnce(), onRemoveNote: failOnce() })
    await expect(domains.injectNmi(uuid, 'r1')).rejects.toMatchObject({ kind: 'Transient', code: 'LibvirtBusy' })
    expect(await domains.injectNmi(uuid, 'r1')).toBe('sent')
    expect(calls).toEqual(['sending', 'NMI', 'sending', 'NMI', 'sent'])
  })

  it('answers unknown when the connection broke at the try after one that was not sent', async () => {
    const lost = new ConnectionError('lost', 'libvirtd has closed the connection', { sent: true })
    const errors = [busy, lost]
    const { calls, domains } = startLibvirtd({
      onInjectNmi: () => Promise.reject(errors.shift()),
      onRemoveNote: () => Promise.reject(busy),
    })
    await expect(domains.injectNmi(uuid, 'r1')).rejects.toMatchObject({ code: 'LibvirtBusy' })
    await expect(domains.injectNmi(uuid, 'r1')).rejects.toMatchObject({ code: 'LibvirtUnreachable' })
    expect(await domains.injectNmi(uuid, 'r1')).toBe('unknown')
    expect(calls).toEqual(['sending', 'NMI', 'sending', 'NMI'])
  })

  it('answers notRunning when the domain is off', async () => {
    const { calls, domains } = startLibvirtd({ active: false })
    expect(await domains.injectNmi(uuid, 'r1')).toBe('notRunning')
    expect(calls).toEqual([])
  })
})
