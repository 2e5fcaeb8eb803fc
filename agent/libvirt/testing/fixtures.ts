// Example messages of the protocol, byte by byte. Tests compare them with the codec's output and with the replies of a
// real libvirtd.

export interface Fixture {
  procedure: string
  args: unknown
  call: Buffer
  /** A fixture has either `result` or `error`. */
  result?: unknown
  error?: { code: string; domain: string; message: string }
  reply: Buffer
}

/** Converts annotated text to bytes: each line has hexadecimal digits and, after `|`, an annotation. */
export function bytesFromAnnotated(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\|.*$/gm, '').replaceAll(/\s+/g, ''), 'hex')
}

const unknownUuid = '00000000-0000-0000-0000-00000000beef'

export const fixtures: Fixture[] = [
  {
    procedure: 'authList',
    args: {},
    call: bytesFromAnnotated(`
      0000001c | length: 28, itself included
      20008086 | program: REMOTE
      00000001 | version of the program
      00000042 | procedure 66: AUTH_LIST
      00000000 | type: call
      00000001 | serial
      00000000 | status: ok`),
    result: { types: [0] },
    reply: bytesFromAnnotated(`
      00000024 | length: 36
      20008086 00000001 00000042
      00000001 | type: reply
      00000001 | serial of the call
      00000000 | status: ok
      00000001 | one type:
      00000000 |   none`),
  },
  {
    procedure: 'connectSupportsFeature',
    args: { feature: 10 },
    call: bytesFromAnnotated(`
      00000020 20008086 00000001
      0000003c | procedure 60: CONNECT_SUPPORTS_FEATURE
      00000000 00000002 00000000
      0000000a | feature 10: keep-alive; from now on the daemon may send PINGs too`),
    result: { supported: true },
    reply: bytesFromAnnotated(`
      00000020 20008086 00000001 0000003c 00000001 00000002 00000000
      00000001 | supported`),
  },
  {
    procedure: 'connectOpen',
    args: { name: 'qemu:///system', flags: 0 },
    call: bytesFromAnnotated(`
      00000038 20008086 00000001
      00000001 | procedure 1: CONNECT_OPEN
      00000000 00000003 00000000
      00000001 | there is a name
      0000000e |   of 14 bytes:
      71656d75 3a2f2f2f 73797374 656d | qemu:///system
      0000     |   padding to a multiple of four
      00000000 | flags: none`),
    result: {},
    reply: bytesFromAnnotated(
      `0000001c 20008086 00000001 00000001 00000001 00000003 00000000 | a header and nothing else`,
    ),
  },
  {
    procedure: 'domainLookupByUuid',
    args: { uuid: unknownUuid },
    call: bytesFromAnnotated(`
      0000002c 20008086 00000001
      00000018 | procedure 24: DOMAIN_LOOKUP_BY_UUID
      00000000 00000004 00000000
      00000000 00000000 00000000 0000beef | the UUID, sixteen bytes, not counted`),
    error: {
      code: 'VIR_ERR_NO_DOMAIN',
      domain: 'VIR_FROM_QEMU',
      message: `Domain not found: no domain with matching uuid '${unknownUuid}'`,
    },
    reply: bytesFromAnnotated(`
      00000104 | length: 260
      20008086 00000001 00000018
      00000001 | type: reply
      00000004 | serial of the call
      00000001 | status: error
      0000002a | code 42: VIR_ERR_NO_DOMAIN
      0000000a | domain 10: VIR_FROM_QEMU
      00000001 | there is a message
      00000055 |   of 85 bytes:
      446f6d61696e 206e6f74 20666f756e643a20                   | 'Domain not found: '
      6e6f 20646f6d61696e 2077697468 206d61746368696e67 2075756964 20 | 'no domain with matching uuid '
      27 30303030 30303030 2d 30303030 2d 30303030 2d 30303030 2d 30303030 30303030 62656566 27
      000000   |   padding
      00000002 | level 2: error
      00000000 | no domain
      00000001 | str1: the message's format
      00000014 |   of 20 bytes:
      446f6d61 696e206e 6f742066 6f756e64 3a202573  | Domain not found: %s
      00000001 | str2: what was put into it
      00000043 |   of 67 bytes:
      6e6f 20646f6d61696e 2077697468 206d61746368696e67 2075756964 20
      27 30303030 30303030 2d 30303030 2d 30303030 2d 30303030 2d 30303030 30303030 62656566 27
      00       |   padding
      00000000 | no str3
      ffffffff | int1: -1
      ffffffff | int2: -1
      00000000 | no network`),
  },
  {
    procedure: 'connectClose',
    args: {},
    call: bytesFromAnnotated(`0000001c 20008086 00000001 00000002 00000000 00000005 00000000`),
    result: {},
    reply: bytesFromAnnotated(`0000001c 20008086 00000001 00000002 00000001 00000005 00000000`),
  },
]
