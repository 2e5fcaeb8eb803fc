/** buildDomain: the whole domain XML of a server, from facts decided elsewhere. Pure: same input, same bytes. */
import { cpuElement } from './cpu.ts'
import { balloonElement } from './devices/balloon.ts'
import { controllerElements } from './devices/controller.ts'
import { diskElements, drives } from './devices/disk.ts'
import { graphicsElements } from './devices/graphics.ts'
import { guestAgentElement } from './devices/guest-agent.ts'
import { interfaceElements } from './devices/interface.ts'
import { rngElement } from './devices/rng.ts'
import { serialElement } from './devices/serial.ts'
import { watchdogElement } from './devices/watchdog.ts'
import { clockElement, featuresElement } from './features.ts'
import type { DomainInput } from './input.ts'
import { markElement, novaElement } from './metadata.ts'
import { osElement, sysinfoElement } from './os.ts'
import { clean, type Element, el, render } from './xml.ts'

/**
 * The XML for virDomainDefineXML.
 * Throws Terminal (UnsupportedHardware, FirmwareUnavailable, InvalidCharacter, …) for what this host cannot do.
 */
export function buildDomain(input: DomainInput): string {
  const { guest, instance, host } = input
  const { flavor } = instance
  const domain = el(
    'domain',
    { type: host.domainType },
    el('name', {}, guest.name),
    el('uuid', {}, instance.uuid),
    ...textElements(guest.title, guest.description),
    el('metadata', {}, markElement(guest.mark), novaElement(input)),
    el('memory', { unit: 'MiB' }, flavor.ram),
    el('vcpu', { placement: 'static' }, flavor.vcpus),
    sysinfoElement(input),
    osElement(input),
    featuresElement(input),
    cpuElement(input),
    clockElement(input),
    el('on_poweroff', {}, 'destroy'),
    el('on_reboot', {}, 'restart'),
    el('on_crash', {}, 'destroy'),
    devicesElement(input),
  )
  return `${render(domain)}\n`
}

/** libvirt takes no newline in a title, and a title of blanks only for none. */
function textElements(title: string | undefined, description: string | undefined): (Element | undefined)[] {
  const line = clean(title ?? '')
    .replaceAll(/\s+/g, ' ')
    .trim()
  const text = clean(description ?? '')
  return [line ? el('title', {}, line) : undefined, text ? el('description', {}, text) : undefined]
}

function devicesElement(input: DomainInput): Element {
  const optional = [rngElement(input), watchdogElement(input), guestAgentElement(input)].filter((e) => e !== undefined)
  const disksOnPci = drives(input).filter((d) => d.bus === 'virtio').length
  const pciDevices = disksOnPci + input.interfaces.length + optional.length + 1
  return el(
    'devices',
    {},
    input.host.emulator === undefined ? undefined : el('emulator', {}, input.host.emulator),
    ...controllerElements(input, pciDevices),
    ...diskElements(input),
    ...interfaceElements(input),
    serialElement(input),
    ...graphicsElements(input),
    ...optional,
    balloonElement(),
  )
}
