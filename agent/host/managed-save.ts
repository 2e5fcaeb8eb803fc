import { type CallFunction, type DomainRef, isLibvirtError, proc } from '../libvirt/index.ts'
import { ignoreInvalidState } from './errors.ts'

export const hasManagedSave = async (call: CallFunction, dom: DomainRef): Promise<boolean> =>
  (await call(proc.domainHasManagedSaveImage, { dom, flags: 0 })).result

/** libvirt cannot read an incomplete managed save, which a power failure during a save leaves. */
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
