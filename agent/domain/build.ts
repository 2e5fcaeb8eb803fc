import { cpuElement } from './cpu.ts'
import { balloonElement } from './devices/balloon.ts'
import { controllerElements } from './devices/controller.ts'
import { attachedBusesOf, diskElements, drivesOf } from './devices/disk.ts'
import { graphicsElements } from './devices/graphics.ts'
import { guestAgentElement } from './devices/guest-agent.ts'
import { interfaceElements } from './devices/interface.ts'
import { rngElement } from './devices/rng.ts'
import { serialElement } from './devices/serial.ts'
import { watchdogElement } from './devices/watchdog.ts'
import { clockElement, featuresElement } from './features.ts'
import type { DomainInput } from './input.ts'
import { novaInstanceElement, ownerElement } from './metadata.ts'
import { osElement, sysinfoElement } from './os.ts'
import { type Element, renderXml, stripInvalidXmlCharacters, xmlElement } from './render-xml.ts'

/**
 * Builds the XML for virDomainDefineXML.
 * @throws a Terminal error (not retried; the code is UnsupportedHardware, FirmwareUnavailable, InvalidCharacter, …) if
 * this host cannot provide what the server asks for
 */
export function buildDomain(input: DomainInput): string {
  const { guest, instance, host } = input
  const { flavor } = instance
  const domain = xmlElement(
    'domain',
    { type: host.domainType },
    xmlElement('name', {}, guest.name),
    xmlElement('uuid', {}, instance.uuid),
    ...titleAndDescription(guest.title, guest.description),
    xmlElement('metadata', {}, ownerElement(guest.owner), novaInstanceElement(input)),
    xmlElement('memory', { unit: 'MiB' }, flavor.ram),
    xmlElement('vcpu', { placement: 'static' }, flavor.vcpus),
    sysinfoElement(input),
    osElement(input),
    featuresElement(input),
    cpuElement(input),
    clockElement(input),
    xmlElement('on_poweroff', {}, 'destroy'),
    xmlElement('on_reboot', {}, 'restart'),
    xmlElement('on_crash', {}, 'destroy'),
    devicesElement(input),
  )
  return `${renderXml(domain)}\n`
}

/** libvirt rejects a title with a newline and drops a blank title. */
function titleAndDescription(title: string | undefined, description: string | undefined): (Element | undefined)[] {
  const line = stripInvalidXmlCharacters(title ?? '')
    .replaceAll(/\s+/g, ' ')
    .trim()
  const text = stripInvalidXmlCharacters(description ?? '')
  return [line ? xmlElement('title', {}, line) : undefined, text ? xmlElement('description', {}, text) : undefined]
}

function devicesElement(input: DomainInput): Element {
  const optionalDevices = [rngElement(input), watchdogElement(input), guestAgentElement(input)].filter(
    (element) => element !== undefined,
  )
  const disksOnPci = [...drivesOf(input).map(({ bus }) => bus), ...attachedBusesOf(input)].filter(
    (bus) => bus === 'virtio',
  ).length
  const pciDevices = disksOnPci + input.interfaces.length + optionalDevices.length + 1
  return xmlElement(
    'devices',
    {},
    input.host.emulator === undefined ? undefined : xmlElement('emulator', {}, input.host.emulator),
    ...controllerElements(input, pciDevices),
    ...diskElements(input),
    ...interfaceElements(input),
    serialElement(input),
    ...graphicsElements(input),
    ...optionalDevices,
    balloonElement(),
  )
}
