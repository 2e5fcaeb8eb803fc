import type { DomainInput } from './input.ts'
import { extraSpec, imageProperty, isWindows, isYes } from './properties.ts'
import { type Element, xmlElement } from './render-xml.ts'

export function featuresElement(input: DomainInput): Element {
  const hidesHypervisor =
    isYes(extraSpec(input, 'hide_hypervisor_id')) ||
    isYes(extraSpec(input, 'hw:hide_hypervisor_id')) ||
    isYes(imageProperty(input, 'img_hide_hypervisor_id'))
  const kvm = input.host.domainType === 'kvm'
  return xmlElement(
    'features',
    {},
    xmlElement('acpi'),
    input.host.arch === 'x86_64' ? xmlElement('apic') : undefined,
    kvm && isWindows(input) ? hypervElement(hidesHypervisor) : undefined,
    kvm && hidesHypervisor ? xmlElement('kvm', {}, xmlElement('hidden', { state: 'on' })) : undefined,
    xmlElement('vmcoreinfo', { state: 'on' }),
  )
}

/**
 * QEMU offers Hyper-V enlightenments only with KVM. Some drivers refuse to run if they find the vendor id of Hyper-V,
 * so a guest that must not see the hypervisor gets a made-up vendor id.
 */
function hypervElement(hidesHypervisor: boolean): Element {
  const on = { state: 'on' }
  return xmlElement(
    'hyperv',
    {},
    xmlElement('relaxed', on),
    xmlElement('vapic', on),
    xmlElement('spinlocks', { ...on, retries: 8191 }),
    xmlElement('vpindex', on),
    xmlElement('runtime', on),
    xmlElement('synic', on),
    xmlElement('reset', on),
    hidesHypervisor ? xmlElement('vendor_id', { ...on, value: '1234567890ab' }) : undefined,
    xmlElement('frequencies', on),
    xmlElement('tlbflush', on),
    xmlElement('ipi', on),
  )
}

/** Windows expects local time in the hardware clock. Timers are set only with KVM. */
export function clockElement(input: DomainInput): Element {
  const windows = isWindows(input)
  const x86 = input.host.arch === 'x86_64'
  const offset = windows ? 'localtime' : 'utc'
  if (input.host.domainType !== 'kvm') return xmlElement('clock', { offset })
  const hpet = isYes(imageProperty(input, 'hw_time_hpet'))
  return xmlElement(
    'clock',
    { offset },
    x86 ? xmlElement('timer', { name: 'pit', tickpolicy: 'delay' }) : undefined,
    xmlElement('timer', { name: 'rtc', tickpolicy: 'catchup' }),
    x86 ? xmlElement('timer', { name: 'hpet', present: hpet ? 'yes' : 'no' }) : undefined,
    windows && x86 ? xmlElement('timer', { name: 'hypervclock', present: 'yes' }) : undefined,
  )
}
