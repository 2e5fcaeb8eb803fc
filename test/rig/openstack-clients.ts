// Provides OpenStack's own clients for tests: the commands `openstack` and `nova`, and Python with openstacksdk. They
// are installed from PyPI into a virtual environment in the cache, at the versions of clients/requirements.txt.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensurePythonEnvironment } from './python-environment.ts'

const exec = promisify(execFile)
const requirements = join(import.meta.dirname, 'clients/requirements.txt')

/** The name of an entry in clouds.yaml. */
export type CloudName = 'kubenova' | 'kubenova-admin'

export interface OpenStackClients {
  /** Runs `openstack` and returns what it prints. Rejects with its error message. */
  openstack(...args: string[]): Promise<string>
  /** Runs `openstack … -f json` and parses what it prints. */
  openstackJson<T = Record<string, unknown>>(...args: string[]): Promise<T>
  /** Runs `nova` as the user of openrc, because it does not read clouds.yaml. Returns what it prints. */
  nova(...args: string[]): Promise<string>
  /** Runs a Python program, for openstacksdk, and parses the JSON that it prints. */
  python<T = unknown>(program: string): Promise<T>
  /** The same clients as another user. */
  as(cloud: CloudName): OpenStackClients
}

/**
 * Installs the clients if they are missing.
 * @param dir the directory of the cloud, with clouds.yaml
 */
export async function openstackClients(dir: string): Promise<OpenStackClients> {
  const bin = join(await ensureClients(), 'bin')
  return clientsOf(bin, dir, 'kubenova')
}

function clientsOf(bin: string, dir: string, cloud: CloudName): OpenStackClients {
  const byName = { OS_CLIENT_CONFIG_FILE: join(dir, 'clouds.yaml'), OS_CLOUD: cloud }
  const run = async (program: string, args: readonly string[], variables: object = byName): Promise<string> => {
    const env = { ...withoutOpenStack(process.env), ...variables }
    const { stdout } = await exec(join(bin, program), args, { env, maxBuffer: 64 * 1024 ** 2, timeout: 300_000 })
    return stdout
  }
  const openstack = (...args: string[]): Promise<string> => run('openstack', args)
  return {
    openstack,
    async openstackJson<T>(...args: string[]) {
      return JSON.parse(await openstack(...args, '-f', 'json')) as T
    },
    nova: (...args) => run('nova', args, readOpenrc(dir)),
    async python<T>(program: string) {
      return JSON.parse(await run('python', ['-c', program])) as T
    },
    as: (other) => clientsOf(bin, dir, other),
  }
}

/** The variables that a shell has after `. openrc`. */
const readOpenrc = (dir: string): Record<string, string> =>
  Object.fromEntries(
    readFileSync(join(dir, 'openrc'), 'utf8')
      .matchAll(/^export (\w+)=(.*)$/gm)
      .map(([, name = '', value = '']) => [name, value]),
  )

/** The environment without the variables of a cloud that the person who runs the tests may use. */
const withoutOpenStack = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('OS_')))

/** Returns the virtual environment with the clients. */
export const ensureClients = (): Promise<string> => ensurePythonEnvironment('openstack-clients', requirements)
