/**
 * The boot sector puts the machine into ACPI S3 (suspend to RAM) once, and then halts. A note in the CMOS RAM, which a
 * reset keeps, prevents a second sleep.
 */
const code = [
  'b0 70 e6 70 e4 71', //  mov al, 0x70; out 0x70, al; in al, 0x71    byte 0x70 of the CMOS RAM
  '3c 5a 74 0f', //        cmp al, 0x5a; je halt                      it has slept
  'b0 70 e6 70', //        mov al, 0x70; out 0x70, al
  'b0 5a e6 71', //        mov al, 0x5a; out 0x71, al
  'ba 04 06', //           mov dx, 0x604                              the port PM1a_CNT of QEMU's q35
  'b8 00 24 ef', //        mov ax, 0x2400; out dx, ax                 SLP_EN, and S3 as SLP_TYP
  'f4 eb fd', //           halt: hlt; jmp halt
]

export function makeSleepingGuestDisk(): Buffer {
  const image = Buffer.alloc(1024 ** 2)
  image.set(Buffer.from(code.join('').replaceAll(' ', ''), 'hex'))
  image.writeUInt16LE(0xaa55, 510)
  return image
}
