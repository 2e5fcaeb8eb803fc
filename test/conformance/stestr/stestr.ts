/** Lists and runs the tests of a suite with stestr. The suite comes from PyPI. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { withoutOpenStack } from '../../rig/openstack-clients.ts'
import { runCommand } from '../../rig/process.ts'
import { ensurePythonEnvironment } from '../../rig/python-environment.ts'
import type { RawResult } from './outcomes.ts'
import type { Selection, Suite } from './suite.ts'

/** stestr appends the tags of a test to its name: `…test_list[id-…,smoke]`. */
const withoutTags = (name: string): string => name.replace(/\[.*$/, '')

const argumentsFor = ({ include, exclude }: Selection): string[] => [
  ...(exclude === undefined ? [] : ['--exclude-regex', exclude]),
  include,
]

export class Stestr {
  readonly #suite: Suite
  readonly #dir: string
  readonly #bin: string
  /** The folder of the installed packages. */
  readonly #packages: string

  private constructor(suite: Suite, dir: string, venv: string, packages: string) {
    this.#suite = suite
    this.#dir = dir
    this.#bin = join(venv, 'bin')
    this.#packages = packages
  }

  /** @param dir has the configuration of the suite; logs and results go there */
  static async prepare(suite: Suite, dir: string): Promise<Stestr> {
    const venv = await ensurePythonEnvironment(suite.environment, suite.requirements)
    const packages = globSync(join(venv, 'lib/python3*/site-packages'))
    const [withSuite] = packages.filter((path) => globSync(join(path, suite.folder)).length > 0)
    if (withSuite === undefined) throw new Error(`${venv} has no ${suite.folder}`)
    const stestr = new Stestr(suite, dir, venv, withSuite)
    await runCommand(stestr.#command('init'), stestr.#options)
    return stestr
  }

  /** Returns the names of all tests. */
  async list(selection: Selection): Promise<string[]> {
    const [topLevel] = this.#suite.folder.split('/')
    const output = await runCommand(this.#command('list', ...argumentsFor(selection)), this.#options)
    return output
      .split('\n')
      .filter((line) => line.startsWith(`${topLevel}.`))
      .map(withoutTags)
  }

  /**
   * @param report called for each result as soon as it is known
   * @returns the exit code of stestr; 100 if its results could not be read
   */
  async run(selection: Selection, report: (result: RawResult) => void): Promise<number | null> {
    const { groupBy, workers } = this.#suite
    const grouping = groupBy === undefined ? [] : ['--group-regex', groupBy]
    const concurrency = ['--concurrency', String(workers)]
    const stestr = this.#command('run', '--subunit', ...grouping, ...concurrency, ...argumentsFor(selection))
    const reader = `${join(this.#bin, 'python')} ${join(import.meta.dirname, 'results.py')}`
    const script = `"$@" | ${reader}; exit $((PIPESTATUS[1] ? 100 : PIPESTATUS[0]))`
    const child = spawn('bash', ['-c', script, 'bash', ...stestr], {
      ...this.#options,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exit = once(child, 'exit') as Promise<[code: number | null]>
    for await (const line of createInterface({ input: child.stdout })) {
      const result = JSON.parse(line) as RawResult
      report({ ...result, test: withoutTags(result.test) })
    }
    const [code] = await exit
    return code
  }

  #command(command: string, ...args: string[]): string[] {
    const discovery = ['--test-path', join(this.#packages, this.#suite.folder), '--top-dir', this.#packages]
    return [join(this.#bin, 'stestr'), ...discovery, command, ...args]
  }

  get #options(): { cwd: string; env: NodeJS.ProcessEnv } {
    const PATH = `${this.#bin}:${process.env['PATH']}`
    return { cwd: this.#dir, env: { ...withoutOpenStack(process.env), ...this.#suite.env(this.#dir), PATH } }
  }
}
