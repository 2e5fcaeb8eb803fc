import { spawn } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'

/** A line of git's protocol: its length, with these four digits, in hexadecimal digits. */
const packetLine = (text: string): string => (text.length + 4).toString(16).padStart(4, '0') + text

/** Serves the repository in `dir` for fetches, by git's smart HTTP protocol: Flux reads no `file://` repositories. */
export async function serveRepository(dir: string, port: number): Promise<AsyncDisposable> {
  const server = createServer((request, response) => {
    answer(dir, request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function answer(dir: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url = '', headers } = request
  const isAdvertisement = method === 'GET' && url.endsWith('/info/refs?service=git-upload-pack')
  if (!isAdvertisement && !(method === 'POST' && url.endsWith('/git-upload-pack'))) {
    response.writeHead(404).end()
    return
  }
  const kind = isAdvertisement ? 'advertisement' : 'result'
  response.writeHead(200, { 'content-type': `application/x-git-upload-pack-${kind}`, 'cache-control': 'no-cache' })
  if (isAdvertisement) response.write(`${packetLine('# service=git-upload-pack\n')}0000`)
  const flags = isAdvertisement ? ['--stateless-rpc', '--advertise-refs'] : ['--stateless-rpc']
  const git = spawn('git', ['upload-pack', ...flags, dir], { stdio: ['pipe', 'pipe', 'inherit'] })
  const body = headers['content-encoding'] === 'gzip' ? request.pipe(createGunzip()) : request
  await Promise.all([pipeline(body, git.stdin), pipeline(git.stdout, response)])
}
