/**
 * The first serial port: a PTY for whoever attaches, and a file that QEMU (or virtlogd) appends all output to.
 * libvirt makes <console> of it by itself.
 */
import type { DomainInput } from '../input.ts'
import { type Element, el } from '../xml.ts'

export function serialElement({ paths }: DomainInput): Element {
  return el('serial', { type: 'pty' }, el('target', { port: 0 }), el('log', { file: paths.consoleLog, append: 'on' }))
}
