import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, BlockList, connect, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TlsOptions } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { UsageError } from '../../kube/options.ts'
import { toCertificateError } from './certificate-errors.ts'
import { downloadSource } from './download.ts'
import { SourceOpener } from './image-source.ts'
import { SourceNetwork, type SourceNetworkOptions } from './source-network.ts'
import { makeAuthority, signCertificate } from './testing/certificates.ts'

vi.setConfig({ testTimeout: 60_000 })

let dir: string
let stack: AsyncDisposableStack
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'network-'))
  stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(dir, { recursive: true, force: true }))
})
afterEach(() => stack.disposeAsync())

async function listen(server: Server & { closeAllConnections?(): void }): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stack.defer(() => {
    server.closeAllConnections?.()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

async function serveSecurely(subject?: string): Promise<{ url: string; connections: () => number }> {
  let count = 0
  const server = createSecureServer(signCertificate(dir, subject), (_, response) => response.end('a disk'))
  server.on('connection', () => (count += 1))
  return { url: `https://127.0.0.1:${await listen(server)}/image`, connections: () => count }
}

const fetchFrom = (
  url: string,
  network: SourceNetworkOptions = {},
  blocked = new BlockList(),
  authorization?: string,
) =>
  downloadSource(new SourceOpener({ fileRoots: [], blocked, network, stallTimeout: 60_000 }), {
    url,
    ...(authorization !== undefined && { authorization }),
    target: join(dir, 'part'),
    maxBytes: 1000,
    hasSpace: async () => true,
    signal: AbortSignal.timeout(30_000),
    retry: { attempts: 3, firstDelay: 1 },
  })
const fetched = () => readFileSync(join(dir, 'part'), 'utf8')

describe('downloadSource over https', () => {
  test('fails at once for an authority that the agent does not trust, and names the option', async () => {
    makeAuthority(dir)
    const { url, connections } = await serveSecurely()
    const { origin } = new URL(url)
    await expect(fetchFrom(url)).rejects.toMatchObject({
      kind: 'Terminal',
      code: 'ImageSourceUntrusted',
      message: `no authority that the agent trusts has signed the certificate of ${origin} (UNABLE_TO_VERIFY_LEAF_SIGNATURE): an operator can give the authority's certificate to the agents (--image-ca-file), or the server must send its whole chain`,
    })
    expect(connections()).toBe(1)
  })

  test('trusts the authorities of caFile', async () => {
    const caFile = makeAuthority(dir)
    const { url } = await serveSecurely()
    await fetchFrom(url, { caFile })
    expect(fetched()).toBe('a disk')
  })

  test('reads caFile again when it has changed', async () => {
    const [wrong, right] = [makeAuthority(dir, 'other'), makeAuthority(dir)]
    const { url } = await serveSecurely()
    const network = new SourceNetwork({ caFile: join(dir, 'bundle') })
    copyFileSync(wrong, join(dir, 'bundle'))
    const agent = await network.agentFor(new URL(url))
    expect(await network.agentFor(new URL(url))).toBe(agent)
    copyFileSync(right, join(dir, 'bundle'))
    expect(await network.agentFor(new URL(url))).not.toBe(agent)
  })

  test('fails at once for a certificate of another host', async () => {
    const caFile = makeAuthority(dir)
    const { url, connections } = await serveSecurely('DNS:images.example.org')
    await expect(fetchFrom(url, { caFile })).rejects.toMatchObject({
      kind: 'Terminal',
      code: 'ImageSourceUntrusted',
      message: expect.stringContaining('is not for 127.0.0.1: use a name of the certificate in the URL'),
    })
    expect(connections()).toBe(1)
  })

  test('fails at once for a server that does not speak TLS', async () => {
    const port = await listen(createServer((_, response) => response.end('plain')))
    await expect(fetchFrom(`https://127.0.0.1:${port}/image`)).rejects.toMatchObject({
      kind: 'Terminal',
      code: 'ImageSourceUntrusted',
      message: expect.stringContaining('does not speak TLS'),
    })
  })

  const handshakes: [string, TlsOptions, message: RegExp][] = [
    [
      'has no cipher in common with this host',
      { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' },
      /this host agree on no TLS connection \(ssl\/tls alert handshake failure\): correct the TLS versions/,
    ],
    [
      'has only an old version of TLS',
      { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' },
      /this host agree on no TLS connection \(tlsv1 alert protocol version\): correct/,
    ],
    [
      'asks for a client certificate',
      { requestCert: true, rejectUnauthorized: true },
      /asks for a client certificate, which agents do not have \(tlsv13 alert certificate required\)/,
    ],
  ]
  test.each(handshakes)('fails at once for a server that %s', async (_, options, message) => {
    const caFile = makeAuthority(dir)
    let connections = 0
    const server = createSecureServer({ ...signCertificate(dir), ...options }, (_, response) => response.end('a disk'))
    server.on('connection', () => (connections += 1))
    await expect(fetchFrom(`https://127.0.0.1:${await listen(server)}/image`, { caFile })).rejects.toMatchObject({
      kind: 'Terminal',
      code: 'ImageSourceUntrusted',
      message: expect.stringMatching(message),
    })
    expect(connections).toBe(1)
  })

  test('names the host to which the source redirects', async () => {
    makeAuthority(dir)
    const { url } = await serveSecurely()
    const port = await listen(createServer((_, response) => response.writeHead(302, { location: url }).end()))
    await expect(fetchFrom(`http://127.0.0.1:${port}/image`)).rejects.toMatchObject({
      code: 'ImageSourceUntrusted',
      message: expect.stringContaining(new URL(url).origin),
    })
  })

  test.each([
    [
      'does not exist',
      undefined,
      "the agent's --image-ca-file cannot be read (ENOENT): its operator has to correct that",
    ],
    ['has no certificate', 'no certificate', "the agent's --image-ca-file has no certificate: its operator has to"],
    [
      'has a damaged certificate',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      "the agent's --image-ca-file has a certificate that cannot be read",
    ],
  ])('says that caFile %s', async (_, content, message) => {
    const caFile = join(dir, 'bundle')
    if (content !== undefined) writeFileSync(caFile, content)
    await expect(fetchFrom('https://127.0.0.1:1/image', { caFile })).rejects.toMatchObject({
      kind: 'Transient',
      code: 'ImageDownloadFailed',
      message: expect.stringContaining(message),
    })
  })
})

test.each(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])(
  'toCertificateError advises to look at the clock for %s',
  (code) => {
    const error = toCertificateError(
      Object.assign(new Error('x'), { code }),
      new URL('https://images.example.org/a?b=c'),
    )
    expect(error).toMatchObject({
      kind: 'Terminal',
      message: `the certificate of https://images.example.org is not valid at this time (${code}): renew it, or correct the clock of the host`,
    })
  },
)

test.each(['UNSPECIFIED', 'ERR_SSL_TLSV1_ALERT_UNRECOGNIZED_NAME', 'ERR_SSL_UNSUPPORTED_PROTOCOL'])(
  'toCertificateError takes %s for final',
  (code) => {
    const error = Object.assign(new Error('x'), { code })
    expect(toCertificateError(error, new URL('https://images.example.org/a'))).toMatchObject({
      kind: 'Terminal',
      code: 'ImageSourceUntrusted',
    })
  },
)

const passing = ['ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT', 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR']
test.each(passing)('toCertificateError leaves %s to be tried again', (code) => {
  const error = Object.assign(new Error('x'), { code })
  expect(toCertificateError(error, new URL('https://images.example.org/a'))).toBe(error)
})

describe('downloadSource with credentials', () => {
  async function serveAuthorized({ status = 200, location }: { status?: number; location?: string } = {}) {
    const authorizations: (string | undefined)[] = []
    const server = createSecureServer(signCertificate(dir), ({ headers }, response) => {
      authorizations.push(headers.authorization)
      response.writeHead(status, location === undefined ? {} : { location }).end('a disk')
    })
    return { url: `https://127.0.0.1:${await listen(server)}/image`, authorizations }
  }

  const authorization = 'Basic bWU6czNjcjN0'

  test('sends them to the host of the URL', async () => {
    const caFile = makeAuthority(dir)
    const { url, authorizations } = await serveAuthorized()
    await fetchFrom(url, { caFile }, new BlockList(), authorization)
    expect(authorizations).toEqual([authorization])
  })

  test('sends them neither to another host nor over http when the source redirects', async () => {
    const caFile = makeAuthority(dir)
    const other = await serveAuthorized()
    const plain: (string | undefined)[] = []
    const port = await listen(
      createServer(({ headers }, response) => {
        plain.push(headers.authorization)
        response.writeHead(302, { location: other.url }).end()
      }),
    )
    const first = await serveAuthorized({ status: 302, location: `http://127.0.0.1:${port}/image` })
    await fetchFrom(first.url, { caFile }, new BlockList(), authorization)
    expect([first.authorizations, plain, other.authorizations]).toEqual([[authorization], [undefined], [undefined]])
  })

  test.each([
    [
      401,
      authorization,
      'it answers 401; it does not take the credentials: correct the Secret that the Image names, then create a ServerAction with action: start',
    ],
    [
      403,
      undefined,
      'it answers 403; if it wants credentials, name a Secret with them in spec.credentialsSecret of the Image',
    ],
  ])('fails at once with advice for the status %i', async (status, sent, message) => {
    const caFile = makeAuthority(dir)
    const { url, authorizations } = await serveAuthorized({ status })
    const error: unknown = await fetchFrom(url, { caFile }, new BlockList(), sent).catch((e: unknown) => e)
    expect(error).toMatchObject({
      kind: 'Terminal',
      code: 'ImageDownloadFailed',
      message: `cannot fetch ${url}: ${message}`,
    })
    expect(authorizations).toEqual([sent])
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(authorization)
  })
})

/** Connects each tunnel to the port `target`, or refuses it if `status` is not 200. */
async function startProxy({ status = 200, target = 0 } = {}) {
  const asked: (string | undefined)[] = []
  const note = ({ method, url, headers }: IncomingMessage) =>
    asked.push(`${method} ${url} ${headers['proxy-authorization'] ?? ''}`.trim())
  const answer: RequestListener = (request, response) => {
    note(request)
    response.writeHead(status).end('a disk')
  }
  const server = createServer(answer)
  server.on('connect', (request, socket) => {
    note(request)
    if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`)
    const upstream = connect(target, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      upstream.pipe(socket).pipe(upstream)
    })
    for (const end of [socket, upstream]) end.on('error', () => undefined)
  })
  const port = await listen(server)
  return { proxy: `http://me:s3cr3t@127.0.0.1:${port}`, host: `127.0.0.1:${port}`, asked }
}

describe('downloadSource through a proxy', () => {
  test('asks the proxy for an http URL, also if the proxy has a blocked address', async () => {
    const { proxy, asked } = await startProxy()
    const blocked = new BlockList()
    blocked.addAddress('127.0.0.1')
    await fetchFrom('http://images.example.org/image?a=b', { proxy }, blocked)
    expect(fetched()).toBe('a disk')
    expect(asked).toEqual([`GET http://images.example.org/image?a=b Basic ${btoa('me:s3cr3t')}`])
  })

  test('asks the proxy for a tunnel for an https URL, and trusts caFile', async () => {
    const caFile = makeAuthority(dir)
    const { url } = await serveSecurely('DNS:images.example.org')
    const { proxy, asked } = await startProxy({ target: Number(new URL(url).port) })
    await fetchFrom('https://images.example.org/image', { proxy, caFile })
    expect(fetched()).toBe('a disk')
    expect(asked).toEqual([`CONNECT images.example.org:443 Basic ${btoa('me:s3cr3t')}`])
  })

  test.each(['http', 'https'])('says that the proxy asks for a password for an %s URL', async (scheme) => {
    const { proxy, host, asked } = await startProxy({ status: 407 })
    const error: unknown = await fetchFrom(`${scheme}://images.example.org/a`, { proxy }).catch((e: unknown) => e)
    expect(error).toMatchObject({
      kind: 'Terminal',
      code: 'ImageDownloadFailed',
      message: `cannot fetch ${scheme}://images.example.org/a: the proxy ${host} asks for a user and a password: they belong into --image-proxy of the agent`,
    })
    expect(asked).toHaveLength(1)
  })

  test('names the proxy, without its password, when it does not answer', async () => {
    const proxy = 'http://me:s3cr3t@127.0.0.1:1'
    const error: unknown = await fetchFrom('https://images.example.org/a', { proxy }).catch((e: unknown) => e)
    expect(error).toMatchObject({
      kind: 'Transient',
      message: 'cannot fetch https://images.example.org/a: through the proxy 127.0.0.1:1: ECONNREFUSED',
    })
  })

  test.each(['http://localhost/a', 'http://a.localhost./a', 'http://127.0.0.1/a', 'http://[::1]/a'])(
    'does not ask the proxy for %s',
    async (url) => {
      const { proxy, asked } = await startProxy()
      const opener = new SourceOpener({ fileRoots: [], network: { proxy }, stallTimeout: 60_000 })
      const call = opener.open(url, { from: 0, validator: undefined }, AbortSignal.timeout(30_000))
      await expect(call).rejects.toMatchObject({ code: 'ImageSourceNotAllowed' })
      expect(asked).toEqual([])
    },
  )
})

describe('proxyFor', () => {
  const network = new SourceNetwork({
    proxy: 'http://proxy.example.org:3128',
    noProxy: 'intra.example.org, .example.net,10.0.0.0/8,192.0.2.1,2001:db8::/32,*.example.com,one.example:8443',
  })
  test.each([
    ['http://intra.example.org/a', undefined],
    ['http://INTRA.example.org:8080/a', undefined],
    ['http://a.intra.example.org/a', undefined],
    ['http://notintra.example.org/a', 'proxy.example.org:3128'],
    ['https://a.example.net/a', undefined],
    ['https://a.example.com/a', undefined],
    ['https://10.20.30.40/a', undefined],
    ['https://11.20.30.40/a', 'proxy.example.org:3128'],
    ['https://192.0.2.1/a', undefined],
    ['https://[2001:db8::1]/a', undefined],
    ['https://[2001:db9::1]/a', 'proxy.example.org:3128'],
    ['https://one.example:8443/a', undefined],
    ['https://one.example/a', 'proxy.example.org:3128'],
  ])('for %s is %s', (url, proxy) => {
    expect(network.proxyFor(new URL(url))).toBe(proxy)
  })

  test('is undefined for every URL when noProxy is *', () => {
    const direct = new SourceNetwork({ proxy: 'http://proxy.example.org:3128', noProxy: '*' })
    expect(direct.proxyFor(new URL('http://images.example.org/a'))).toBeUndefined()
  })
})

test.each(['me:s3cr3t@proxy:3128', 'ftp://me:s3cr3t@proxy', 'http://me:s3cr3t@proxy/path', 'http://me:s3cr3t@'])(
  'SourceNetwork refuses the proxy %s without repeating it',
  (proxy) => {
    expect(() => new SourceNetwork({ proxy })).toThrow(
      /^--image-proxy must be the URL of a proxy, such as http:\/\/proxy.example.org:3128$/,
    )
  },
)

test.each(['10.0.0.0/33', '10.0.0/8', 'fe80::/129', '10.0.0.0/8/8', '10.0.0.0/', '10.0.0.0/x', 'http://host'])(
  'SourceNetwork refuses %s in noProxy',
  (entry) => {
    expect(() => new SourceNetwork({ noProxy: `example.org,${entry}` })).toThrow(
      new UsageError(
        `--image-no-proxy: ${entry} is neither a host name nor a network: write a network as 10.0.0.0/8 or fd00::/8`,
      ),
    )
  },
)
