/** The managed save of a domain: the file in which libvirt keeps the memory of a suspended guest. */
import { type CallFunction, type DomainRef, isLibvirtError, proc } from '../libvirt/index.ts'
import { ignoreInvalidState } from './errors.ts'

export const hasManagedSave = async (call: CallFunction, dom: DomainRef): Promise<boolean> =>
  (await call(proc.domainHasManagedSaveImage, { dom, flags: 0 })).result

/**
 * Whether the domain has a managed save that libvirt can read. If the host loses power during a save, an incomplete
 * file is left, which libvirt cannot read.
 */
export async function hasCompleteManagedSave(call: CallFunction, dom: DomainRef): Promise<boolean> {
  try {
    await call(proc.domainManagedSaveGetXmlDesc, { dom, flags: 0 })
    return true
  } catch (error) {
    if (isLibvirtError(error)) return false
    throw error
  }
}

export async function removeManagedSave(call: CallFunction, dom: DomainRef): Promise<void> {
  await ignoreInvalidState(call(proc.domainManagedSaveRemove, { dom, flags: 0 }))
}
