// The client `floor` shows the least time that any client in Node needs: it exchanges the bytes of the call `version`
// over a bare socket, and neither decodes nor checks the answers. Argument: the socket of libvirtd.
import { once } from 'node:events'
import { connect } from 'node:net'
import { proc } from '../../../agent/libvirt/index.ts'
import { encode } from '../../../agent/libvirt/wire/codec.ts'
import { encodeMessage, messageStatus, messageType, program } from '../../../agent/libvirt/wire/header.ts'
import { measureCost, serveTasks } from './worker.ts'

const [path = ''] = process.argv.slice(2)
const buffer = Buffer.alloc(65_536)
let onAnswer = () => {}
const callback = () => {
  onAnswer()
  return true
}
const socket = connect({ path, onread: { buffer, callback } })
await once(socket, 'connect')
let serial = 0

function encodeCall(procedure: number, args: Uint8Array): Buffer {
  serial += 1
  const header = { program: program.remote, version: 1, procedure, type: messageType.call, serial }
  return encodeMessage({ ...header, status: messageStatus.ok }, args)
}

async function sendAndWait(bytes: Buffer): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  onAnswer = resolve
  socket.write(bytes)
  await promise
}

await sendAndWait(encodeCall(proc.authList.number, Buffer.alloc(0)))
const open = encode(proc.connectOpen.args, { name: 'qemu:///system' }).bytes()
await sendAndWait(encodeCall(proc.connectOpen.number, open))
const version = encodeCall(proc.connectGetLibVersion.number, Buffer.alloc(0))

await serveTasks(async (task) => {
  if (task.task !== 'calls' || task.call !== 'version' || task.inflight !== 1)
    throw new Error('only version, one by one')
  return measureCost(async (times) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    let start = performance.now()
    onAnswer = () => {
      const now = performance.now()
      times.push((now - start) * 1000)
      if (times.length === task.count) return resolve()
      start = now
      socket.write(version)
    }
    socket.write(version)
    await promise
  })
})
process.exit()
