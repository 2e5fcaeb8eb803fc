// Finds TCP ports below the kernel's range for outgoing connections. So no such connection can take the port of a
// killed server before the server is restarted.

import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Concurrent callers may, rarely, get the same port. */
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
