/** A network interface: a tap in a bridge. */
import type { DomainInput, Vif } from '../input.ts'
import { imageProperty, oneOf } from '../properties.ts'
import { type Element, el } from '../xml.ts'

const models = ['virtio', 'e1000', 'e1000e', 'rtl8139', 'ne2k_pci', 'pcnet'] as const

export function vifModelOf(input: DomainInput): (typeof models)[number] {
  return oneOf('hw_vif_model', imageProperty(input, 'hw_vif_model') ?? 'virtio', models)
}

export function interfaceElements(input: DomainInput): Element[] {
  const model = vifModelOf(input)
  return input.interfaces.map((vif) => interfaceElement(vif, model))
}

function interfaceElement({ macAddress, bridge, tap, mtu }: Vif, model: string): Element {
  return el(
    'interface',
    { type: 'bridge' },
    el('mac', { address: macAddress }),
    el('source', { bridge }),
    el('target', { dev: tap }),
    el('model', { type: model }),
    el('mtu', { size: mtu }),
  )
}
