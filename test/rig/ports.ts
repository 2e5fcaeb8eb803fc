// Finds free TCP ports. They lie below the range that the kernel uses for outgoing connections, so a server that was
// killed finds its port still free when it is started again.

import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Returns different free ports of an address. Two callers at the same time may, rarely, get the same port. */
export async function freePorts(address: string, count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = randomInt(20_000, 32_000)
    if (await isFree(address, port)) ports.add(port)
  }
  return [...ports]
}

async function isFree(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, address, () => server.close(() => resolve(true)))
  })
}
