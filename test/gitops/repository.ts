import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseAllDocuments, stringify } from 'yaml'
import type { Server } from '../../crds/index.ts'
import { root } from '../manifests.ts'
import { runCommand } from '../rig/process.ts'

const example = join(root, 'examples/fleet')

type Manifest = Pick<Server, 'apiVersion' | 'kind' | 'metadata'> & { spec: Partial<Server['spec']> }

export class Repository {
  readonly url: string
  readonly #dir: string

  private constructor(dir: string) {
    this.#dir = dir
    this.url = `file://${dir}`
  }

  static async create(dir: string, servers: number): Promise<Repository> {
    const repository = new Repository(dir)
    mkdirSync(dir, { recursive: true })
    await repository.#git('init', '-q', '-b', 'main')
    const [first, ...others] = parseAllDocuments(readFileSync(join(example, 'servers.yaml'), 'utf8'))
    const manifests = [first, ...others].map((document) => document?.toJS() as Manifest)
    const last = manifests.at(-1)
    if (last === undefined) throw new Error('examples/fleet has no server')
    for (let n = manifests.length + 1; n <= servers; n++)
      manifests.push({ ...last, metadata: { ...last.metadata, name: `shop-${n}` } })
    for (const manifest of manifests) repository.writeServer(manifest)
    repository.#write('shared.yaml', readFileSync(join(example, 'shared.yaml'), 'utf8'))
    await repository.commit('add the fleet')
    return repository
  }

  writeServer(manifest: Manifest): void {
    this.#write(`${manifest.metadata.name}.yaml`, stringify(manifest))
  }

  readServer(name: string): Manifest {
    return parseAllDocuments(readFileSync(this.#path(`${name}.yaml`), 'utf8'))[0]?.toJS() as Manifest
  }

  removeServer(name: string): void {
    rmSync(this.#path(`${name}.yaml`))
  }

  async commit(subject: string): Promise<string> {
    await this.#git('add', '-A')
    const author = ['-c', 'user.name=test', '-c', 'user.email=test@example.org']
    await this.#git(...author, 'commit', '-q', '-m', subject)
    return this.head()
  }

  /** The hash of the newest commit. */
  async head(): Promise<string> {
    return (await this.#git('rev-parse', 'HEAD')).trim()
  }

  #git(...args: string[]): Promise<string> {
    return runCommand(['git', '-C', this.#dir, ...args])
  }

  #write(name: string, text: string): void {
    const path = this.#path(name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }

  #path(name: string): string {
    return join(this.#dir, 'fleet', name)
  }
}
