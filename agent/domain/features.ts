/** <features> and <clock>: what the guest's system expects of its machine, as Nova's _set_features and _set_clock. */
import type { DomainInput } from './input.ts'
import { extraSpec, imageProperty, isWindows, isYes } from './properties.ts'
import { type Element, el } from './xml.ts'

export function featuresElement(input: DomainInput): Element {
  const hidden =
    isYes(extraSpec(input, 'hide_hypervisor_id')) ||
    isYes(extraSpec(input, 'hw:hide_hypervisor_id')) ||
    isYes(imageProperty(input, 'img_hide_hypervisor_id'))
  const kvm = input.host.domainType === 'kvm'
  return el(
    'features',
    {},
    el('acpi'),
    input.host.arch === 'x86_64' ? el('apic') : undefined,
    kvm && isWindows(input) ? hypervElement(hidden) : undefined,
    kvm && hidden ? el('kvm', {}, el('hidden', { state: 'on' })) : undefined,
    el('vmcoreinfo', { state: 'on' }),
  )
}

/** Enlightenments: QEMU has them with KVM only. hidden: the vendor is another's name, for drivers that refuse Hyper-V. */
function hypervElement(hidden: boolean): Element {
  const on = { state: 'on' }
  return el(
    'hyperv',
    {},
    el('relaxed', on),
    el('vapic', on),
    el('spinlocks', { ...on, retries: 8191 }),
    el('vpindex', on),
    el('runtime', on),
    el('synic', on),
    el('reset', on),
    hidden ? el('vendor_id', { ...on, value: '1234567890ab' }) : undefined,
    el('frequencies', on),
    el('tlbflush', on),
    el('ipi', on),
  )
}

/** Windows takes the hardware clock for local time. Timers are KVM's matter. */
export function clockElement(input: DomainInput): Element {
  const windows = isWindows(input)
  const x86 = input.host.arch === 'x86_64'
  const offset = windows ? 'localtime' : 'utc'
  if (input.host.domainType !== 'kvm') return el('clock', { offset })
  const hpet = isYes(imageProperty(input, 'hw_time_hpet'))
  return el(
    'clock',
    { offset },
    x86 ? el('timer', { name: 'pit', tickpolicy: 'delay' }) : undefined,
    el('timer', { name: 'rtc', tickpolicy: 'catchup' }),
    x86 ? el('timer', { name: 'hpet', present: hpet ? 'yes' : 'no' }) : undefined,
    windows && x86 ? el('timer', { name: 'hypervclock', present: 'yes' }) : undefined,
  )
}
