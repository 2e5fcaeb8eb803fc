import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cacheDirectory, ensureBinaries, findSum } from './binaries.ts'
import { runCommand } from './process.ts'
import { createScratchDirectory } from './scratch.ts'

const program = '#!/bin/sh\necho "I am the download"\n'
const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex')
const arch = process.arch === 'arm64' ? 'arm64' : 'amd64'

let dir: string
let server: Server
let files: Record<string, string | Buffer>
let requestedUrls: string[]

beforeEach(async () => {
  dir = createScratchDirectory()
  files = {}
  requestedUrls = []
  server = createServer((request, response) => {
    requestedUrls.push(request.url ?? '')
    const content = files[request.url ?? '']
    response.writeHead(content === undefined ? 404 : 200).end(content)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterEach(() => {
  server.close()
  rmSync(dir, { recursive: true })
})

function makeOptions() {
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const env = { XDG_CACHE_HOME: join(dir, 'cache'), PATH: join(dir, 'bin') }
  const log: string[] = []
  return {
    env,
    mirrors: { kubernetes: `${base}/release`, etcd: `${base}/etcd`, helm: `${base}/helm`, argocd: `${base}/argocd` },
    log: (line: string) => log.push(line),
  }
}

function writeScript(path: string, text: string): string {
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
  chmodSync(path, 0o755)
  return path
}

describe('ensureBinaries takes a binary from', () => {
  it('the environment variable that names it', async () => {
    const ownKubectl = writeScript(join(dir, 'mine'), program)
    const defaults = makeOptions()
    const found = await ensureBinaries(['kubectl'], {
      ...defaults,
      env: { ...defaults.env, KUBENOVA_KUBECTL: ownKubectl },
    })
    expect(found).toEqual({ kubectl: ownKubectl })
    const wrong = { ...defaults, env: { ...defaults.env, KUBENOVA_KUBECTL: '/nowhere' } }
    await expect(ensureBinaries(['kubectl'], wrong)).rejects.toThrow('KUBENOVA_KUBECTL=/nowhere')
  })

  it('the PATH when its version fits', async () => {
    const onPath = writeScript(join(dir, 'bin/kubectl'), '#!/bin/sh\necho Client Version: v1.36.0\n')
    expect(await ensureBinaries(['kubectl'], makeOptions())).toEqual({ kubectl: onPath })
  })

  it('the download when the version on the PATH does not fit, and then from the cache', async () => {
    writeScript(join(dir, 'bin/kubectl'), '#!/bin/sh\necho Client Version: v1.30.0\n')
    const path = `/release/v1.36.3/bin/linux/${arch}/kubectl`
    files = { [path]: program, [`${path}.sha256`]: sha256(program) }
    const { kubectl } = await ensureBinaries(['kubectl'], makeOptions())
    expect(kubectl).toBe(join(cacheDirectory(makeOptions().env), 'kubectl-v1.36.3'))
    expect(await runCommand([kubectl])).toBe('I am the download\n')
    requestedUrls = []
    expect(await ensureBinaries(['kubectl'], makeOptions())).toEqual({ kubectl })
    expect(requestedUrls).toEqual([])
  })

  it('the archive of etcd', async () => {
    const name = `etcd-v3.6.6-linux-${arch}`
    writeScript(join(dir, name, 'etcd'), program)
    await runCommand(['tar', '-czf', join(dir, 'a.tar.gz'), '-C', dir, name])
    const archive = readFileSync(join(dir, 'a.tar.gz'))
    const sums = `${sha256('x')}  other.tar.gz\n${sha256(archive)}  ${name}.tar.gz\n`
    files = { [`/etcd/v3.6.6/${name}.tar.gz`]: archive, '/etcd/v3.6.6/SHA256SUMS': sums }
    const { etcd } = await ensureBinaries(['etcd'], makeOptions())
    expect(await runCommand([etcd])).toBe('I am the download\n')
  })

  it('the archive of Helm', async () => {
    const name = `helm-v3.22.0-linux-${arch}.tar.gz`
    writeScript(join(dir, `linux-${arch}/helm`), program)
    await runCommand(['tar', '-czf', join(dir, 'a.tar.gz'), '-C', dir, `linux-${arch}`])
    const archive = readFileSync(join(dir, 'a.tar.gz'))
    files = { [`/helm/${name}`]: archive, [`/helm/${name}.sha256sum`]: `${sha256(archive)}  ${name}\n` }
    const { helm } = await ensureBinaries(['helm'], makeOptions())
    expect(await runCommand([helm])).toBe('I am the download\n')
  })

  it('the plain file of Argo CD', async () => {
    const name = `argocd-linux-${arch}`
    const sums = `${sha256('x')}  argocd-darwin-arm64\n${sha256(program)}  ${name}\n`
    files = { [`/argocd/v3.2.11/${name}`]: program, '/argocd/v3.2.11/cli_checksums.txt': sums }
    const { argocd } = await ensureBinaries(['argocd'], makeOptions())
    expect(await runCommand([argocd])).toBe('I am the download\n')
  })

  it('no source when the checksum of the download is wrong', async () => {
    const path = `/release/v1.36.3/bin/linux/${arch}/kubectl`
    files = { [path]: program, [`${path}.sha256`]: sha256('something else') }
    await expect(ensureBinaries(['kubectl'], makeOptions())).rejects.toThrow('SHA-256')
    expect(existsSync(join(cacheDirectory(makeOptions().env), 'kubectl-v1.36.3'))).toBe(false)
  })

  it('a build from Go modules when there is no download', async () => {
    // A real build takes minutes, so a script in place of `go` shows the arguments.
    const go = '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho "#!/bin/sh\necho built $3" >"$2"\n'
    writeScript(join(dir, 'bin/go'), go)
    const defaults = makeOptions()
    const before = process.env['PATH']
    process.env['PATH'] = `${join(dir, 'bin')}:${before}`
    try {
      const { kubectl } = await ensureBinaries(['kubectl'], defaults)
      expect(await runCommand([kubectl])).toBe('built k8s.io/kubernetes/cmd/kubectl\n')
    } finally {
      process.env['PATH'] = before
    }
  })
})

describe('findSum', () => {
  const sum = 'a'.repeat(64)
  it.each([
    ['the only one', sum, '', sum],
    ['by name', `${'b'.repeat(64)}  x\n${sum}  y\n`, 'y', sum],
    ['not there', `${sum}  x\n`, 'y', undefined],
    ['a page that says it is not found', '<html>404</html>', '', undefined],
    ['nothing', undefined, '', undefined],
  ])('%s', (_, sums, entry, expected) => {
    expect(findSum(sums, entry)).toBe(expected)
  })
})
