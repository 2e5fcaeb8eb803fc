import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { withHost } from '../../../test/rig/vitest.ts'
import { FrameSplitter } from '../wire/frames.ts'
import { fixtures } from './fixtures.ts'

const host = withHost()

it('libvirtd answers the annotated calls with the annotated replies', async () => {
  const socket = connect(host().socket)
  const frames = new FrameSplitter()
  const replies = (async function* () {
    for await (const chunk of socket) {
      const whole: Buffer[] = []
      const { length } = chunk as Buffer
      frames.push(chunk as Buffer, length, (bytes, start, end) => whole.push(Buffer.from(bytes.subarray(start, end))))
      yield* whole
    }
  })()
  for (const { call, reply } of fixtures) {
    socket.write(call)
    const { value } = await replies.next()
    expect(value?.toString('hex')).toBe(reply.toString('hex'))
  }
  socket.destroy()
})
