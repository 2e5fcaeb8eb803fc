/**
 * The first serial port: a PTY, and a log file to which QEMU (or virtlogd) appends all output. libvirt adds the
 * matching <console> element itself.
 */
import type { DomainInput } from '../input.ts'
import { type Element, xmlElement } from '../render-xml.ts'

export function serialElement({ paths }: DomainInput): Element {
  return xmlElement(
    'serial',
    { type: 'pty' },
    xmlElement('target', { port: 0 }),
    xmlElement('log', { file: paths.consoleLog, append: 'on' }),
  )
}
