import { describe, expect, it } from 'vitest'
import { LibvirtError } from '../errors.ts'
import { wireError } from '../protocol/common.ts'
import { proc } from '../protocol/proc.ts'
import type { Procedure } from '../protocol/procedure.ts'
import { decode, encode } from '../wire/codec.ts'
import { encodeMessage, messageStatus, splitMessage } from '../wire/header.ts'
import type { Type } from '../wire/types.ts'
import { fixtures } from './fixtures.ts'

const table: Record<string, Procedure> = proc

describe.each(fixtures)('$procedure', ({ procedure, args, call, result, error, reply }) => {
  const entry = table[procedure]!

  it('encodes its call as annotated', () => {
    const { header } = splitMessage(call)
    expect(header).toMatchObject({ program: entry.program, procedure: entry.number, type: 0, status: 0 })
    expect(encodeMessage(header, encode(entry.args as Type, args).bytes()).toString('hex')).toBe(call.toString('hex'))
  })

  it('decodes its reply as annotated', () => {
    expect(reply.readUInt32BE(0)).toBe(reply.length)
    const { header, payload } = splitMessage(reply)
    expect(header.serial).toBe(splitMessage(call).header.serial)
    if (header.status === messageStatus.ok) expect(decode(entry.result, payload)).toEqual(result)
    else expect(new LibvirtError(decode(wireError, payload), procedure)).toMatchObject(error!)
  })
})
