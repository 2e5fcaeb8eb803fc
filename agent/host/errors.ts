import { type AnyError, isKubenovaError, type Reason, Terminal, Transient } from '../../crds/index.ts'
import { ConnectionError, DeadlineError, isLibvirtError, type LibvirtErrorCode } from '../libvirt/index.ts'

/** A retry cannot help, because this host cannot do what was requested. */
const terminalReasons: Partial<Record<LibvirtErrorCode, Reason>> = {
  VIR_ERR_XML_ERROR: 'InvalidDomain',
  VIR_ERR_XML_DETAIL: 'InvalidDomain',
  VIR_ERR_XML_INVALID_SCHEMA: 'InvalidDomain',
  VIR_ERR_CONFIG_UNSUPPORTED: 'UnsupportedHardware',
  VIR_ERR_NO_SUPPORT: 'UnsupportedHardware',
  VIR_ERR_INVALID_ARG: 'InvalidDomain',
}

/** @param doing what the agent asked libvirtd to do, for the message */
export function errorFromLibvirt(error: unknown, doing: string): AnyError {
  if (isKubenovaError(error)) return error
  if (isLibvirtError(error)) {
    const code = terminalReasons[error.code]
    if (code !== undefined) {
      // Another host may have the machine type or the device, so the scheduler may choose another host.
      const isHostFault = code === 'UnsupportedHardware'
      return new Terminal(code, `${doing}: ${error.message}`, { cause: error, isHostFault })
    }
    // libvirtd still runs another call on the domain, such as a long managed save.
    if (error.code === 'VIR_ERR_OPERATION_TIMEOUT')
      return new Transient('LibvirtBusy', `${doing}: libvirt still does something else with it: ${error.message}`, {
        cause: error,
      })
    if (/cannot allocate memory|out of memory/i.test(error.message))
      return new Transient('OutOfMemory', `${doing}: the host has no memory left for it: ${error.message}`, {
        cause: error,
      })
    if (/no space left on device|disk quota exceeded/i.test(error.message))
      return new Transient('DiskFull', `${doing}: the host's disk is full: ${error.message}`, { cause: error })
    return new Transient('LibvirtError', `${doing}: ${error.message}`, { cause: error })
  }
  if (error instanceof ConnectionError || error instanceof DeadlineError)
    return new Transient('LibvirtUnreachable', `${doing}: ${error.message}`, { cause: error })
  return new Transient('Unexpected', doing, { cause: error })
}

/** libvirt refuses a call if the domain is already in the resulting state. Such a refusal counts as success. */
export async function ignoreInvalidState(call: Promise<unknown>): Promise<void> {
  try {
    await call
  } catch (error) {
    if (!isLibvirtError(error, 'VIR_ERR_OPERATION_INVALID')) throw error
  }
}
