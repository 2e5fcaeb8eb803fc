// A guest for this client's tests. Its boot sector writes OK to the serial port and then echoes all input.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CallFunction } from '../connection-options.ts'
import type { DomainRef } from '../protocol/common.ts'
import { proc } from '../protocol/proc.ts'

const code = [
  'ba f8 03', //  mov dx, 0x3f8    the serial port's data register
  'b0 4f ee', //  mov al, 'O'; out dx, al
  'b0 4b ee', //  mov al, 'K'; out dx, al
  'b0 0a ee', //  mov al, '\n'; out dx, al
  'ba fd 03', //  mov dx, 0x3fd    the serial port's line status register
  'ec a8 01 74 fb', //  in al, dx; test al, 1; jz: loop until a byte has arrived
  'ba f8 03 ec 88 c4', //  mov dx, 0x3f8; in al, dx; mov ah, al
  'ba fd 03', //  mov dx, 0x3fd
  'ec a8 20 74 fb', //  in al, dx; test al, 0x20; jz: loop until the port can send a byte
  '88 e0 ba f8 03 ee', //  mov al, ah; mov dx, 0x3f8; out dx, al
  'eb e2', //  jmp back to the first mov dx, 0x3fd
]

export interface Guest {
  xml: string
  uuid: string
  /** Path of the guest's disk sda, a raw image of 4 MiB. */
  disk: string
}

export function createEchoGuest(directory: string, name: string, uuid: string): Guest {
  const disk = join(directory, `${name}.img`)
  const image = Buffer.alloc(4 << 20)
  image.set(Buffer.from(code.join('').replaceAll(' ', ''), 'hex'))
  image.writeUInt16LE(0xaa55, 510)
  mkdirSync(directory, { recursive: true })
  writeFileSync(disk, image)
  const xml = `<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid><memory unit='MiB'>32</memory>
    <vcpu current='1'>2</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features>
    <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
      <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${disk}'/><target dev='sda' bus='sata'/></disk>
      <serial type='pty'/><console type='pty'/><video><model type='vga'/></video><graphics type='vnc'/></devices></domain>`
  return { xml, uuid, disk }
}

export async function startEchoGuest(
  client: { call: CallFunction },
  directory: string,
  name: string,
  uuid: string,
): Promise<{ guest: Guest; dom: DomainRef }> {
  const guest = createEchoGuest(directory, name, uuid)
  const { dom } = await client.call(proc.domainDefineXmlFlags, { xml: guest.xml })
  return { guest, dom: (await client.call(proc.domainCreateWithFlags, { dom })).dom }
}

export function emptyDomainXml(name: string, uuid: string): string {
  return `<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid><memory unit='MiB'>16</memory><vcpu>1</vcpu>
    <os><type arch='x86_64' machine='pc'>hvm</type></os>
    <devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices></domain>`
}
