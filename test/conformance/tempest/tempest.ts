import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { runCommand } from '../../rig/process.ts'
import { ensurePythonEnvironment } from '../../rig/python-environment.ts'

/** The tests of the Compute API. Those in serial_tests change hosts, so they run alone. */
export const COMPUTE_TESTS = String.raw`^tempest\.(serial_tests\.)?api\.compute\.`

/** Regular expressions for names with tags. */
export interface Selection {
  include: string
  exclude?: string
}

export interface RawResult {
  /** The name of a test, or `setUpClass (…)` with the name of a class none of whose tests ran. */
  test: string
  result: 'passed' | 'failed' | 'skipped'
  message: string
}

/** All tests of a class run on one worker, so its set-up runs once. */
const GROUP_BY_CLASS = String.raw`([^\.]*\.)*`

/** stestr appends the tags of a test to its name: `…test_list[id-…,smoke]`. */
const withoutTags = (name: string): string => name.replace(/\[.*$/, '')

const argumentsFor = ({ include, exclude }: Selection): string[] => [
  ...(exclude === undefined ? [] : ['--exclude-regex', exclude]),
  include,
]

export class Tempest {
  readonly #bin: string
  readonly #packages: string
  readonly #dir: string

  private constructor(venv: string, packages: string, dir: string) {
    this.#bin = join(venv, 'bin')
    this.#packages = packages
    this.#dir = dir
  }

  /** @param dir has tempest.conf; logs and results go there */
  static async prepare(dir: string): Promise<Tempest> {
    const venv = await ensurePythonEnvironment('tempest', join(import.meta.dirname, 'requirements.txt'))
    const [discovery] = globSync(join(venv, 'lib/python3*/site-packages/tempest/test_discover'))
    if (discovery === undefined) throw new Error(`${venv} has no tempest`)
    const tempest = new Tempest(venv, dirname(dirname(discovery)), dir)
    await runCommand(tempest.#stestr('init'), tempest.#options)
    return tempest
  }

  /** Returns the names of all tests. */
  async list(selection: Selection): Promise<string[]> {
    const output = await runCommand(this.#stestr('list', ...argumentsFor(selection)), this.#options)
    return output
      .split('\n')
      .filter((line) => line.startsWith('tempest.'))
      .map(withoutTags)
  }

  /**
   * @param report called for each result as soon as it is known
   * @returns the exit code of stestr; 100 if its results could not be read
   */
  async run(selection: Selection, concurrency: number, report: (result: RawResult) => void): Promise<number | null> {
    const workers = ['--group-regex', GROUP_BY_CLASS, '--concurrency', String(concurrency)]
    const stestr = this.#stestr('run', '--subunit', ...workers, ...argumentsFor(selection))
    const reader = `${join(this.#bin, 'python')} ${join(import.meta.dirname, 'results.py')}`
    const script = `"$@" | ${reader}; exit $((PIPESTATUS[1] ? 100 : PIPESTATUS[0]))`
    const { cwd, env } = this.#options
    const child = spawn('bash', ['-c', script, 'bash', ...stestr], {
      cwd,
      env: { ...process.env, ...env },
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

  #stestr(command: string, ...args: string[]): string[] {
    const discovery = ['--test-path', join(this.#packages, 'tempest/test_discover'), '--top-dir', this.#packages]
    return [join(this.#bin, 'stestr'), ...discovery, command, ...args]
  }

  get #options(): { cwd: string; env: Record<string, string> } {
    return {
      cwd: this.#dir,
      env: {
        TEMPEST_CONFIG_DIR: this.#dir,
        TEMPEST_CONFIG: 'tempest.conf',
        PATH: `${this.#bin}:${process.env['PATH']}`,
      },
    }
  }
}
