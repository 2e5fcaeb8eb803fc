import type { DomainInput, Vif } from '../input.ts'
import { imageProperty, requireOneOf } from '../properties.ts'
import { type Element, xmlElement } from '../render-xml.ts'

const vifModels = ['virtio', 'e1000', 'e1000e', 'rtl8139', 'ne2k_pci', 'pcnet'] as const

export function vifModelOf(input: DomainInput): (typeof vifModels)[number] {
  return requireOneOf('hw_vif_model', imageProperty(input, 'hw_vif_model') ?? 'virtio', vifModels)
}

export function interfaceElements(input: DomainInput): Element[] {
  const model = vifModelOf(input)
  return input.interfaces.map((vif) => interfaceElement(vif, model))
}

function interfaceElement({ macAddress, bridge, tap, mtu }: Vif, model: string): Element {
  return xmlElement(
    'interface',
    { type: 'bridge' },
    xmlElement('mac', { address: macAddress }),
    xmlElement('source', { bridge }),
    xmlElement('target', { dev: tap }),
    xmlElement('model', { type: model }),
    xmlElement('mtu', { size: mtu }),
  )
}
