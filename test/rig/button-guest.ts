/**
 * The guest of the tests that kill a process at each step of an operation. Its boot sector prints a login prompt on the
 * serial port, and powers off when the ACPI power button is pressed. Under emulation, Linux would need half a minute
 * for each test; this guest boots at once and takes no CPU time.
 */
const code = [
  '31 c0 8e d8 fc', //  xor ax, ax; mov ds, ax; cld
  'be 30 7c', //        mov si, 0x7c30                 the prompt
  'ba f8 03', //        mov dx, 0x3f8                  COM1
  'ac 84 c0 74 03', //  next: lodsb; test al, al; jz enable
  'ee eb f8', //        out dx, al; jmp next
  'ba 02 06', //        enable: mov dx, 0x602          the register PM1_EN of QEMU's q35
  'b8 00 01 ef', //     mov ax, 0x100; out dx, ax      PWRBTN_EN
  'ba 00 06', //        mov dx, 0x600                  PM1_STS
  'ed f6 c4 01', //     poll: in ax, dx; test ah, 1    PWRBTN_STS
  '75 04', //           jnz off
  'fb f4 eb f6', //     sti; hlt; jmp poll             the timer ends the halt 18 times a second
  'ba 04 06', //        off: mov dx, 0x604             PM1_CNT
  'b8 00 20 ef', //     mov ax, 0x2000; out dx, ax     SLP_EN, and S5 as SLP_TYP
]
const PROMPT_OFFSET = 0x30

export function makeButtonGuestDisk(): Buffer {
  const image = Buffer.alloc(1024 ** 2)
  image.set(Buffer.from(code.join('').replaceAll(' ', ''), 'hex'))
  image.write('\r\nlogin: \0', PROMPT_OFFSET, 'latin1')
  image.writeUInt16LE(0xaa55, 510)
  return image
}
