import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { expect, it, onTestFinished } from 'vitest'
import { newReplyKey } from '../../actions/host-question.ts'
import type { Hypervisor } from '../../crds/index.ts'
import { systemClock } from '../../kube/clock.ts'
import { Hosts } from './hosts.ts'

const MIB = 2 ** 20

it('reads an answer without an end only up to its limit', async () => {
  let sent = 0
  const chunks = function* () {
    for (; sent < 64 * MIB; sent += MIB / 16) yield Buffer.alloc(MIB / 16, 'x')
  }
  const server = createServer((_request, response) => void Readable.from(chunks()).pipe(response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const tokens = { create: async () => ({ status: { token: 't' } }) }
  const hosts = new Hosts({ resource: () => tokens, clock: systemClock } as never, 'kubenova-system')
  const { port } = server.address() as AddressInfo
  const status = { hostIP: '127.0.0.1', agentPort: port, sealingKey: newReplyKey().replyKey }
  const host = { metadata: { name: 'h1' }, status } as Hypervisor
  await expect(hosts.ask(host, { server: 's', ask: 'statistics' })).rejects.toThrow('h1 does not answer')
  // The buffers of the sockets take some more than the shim reads.
  expect(sent).toBeLessThan(32 * MIB)
})
