// Provides `openstack`, `nova` and Python with openstacksdk for tests. They are installed from PyPI into the cache, at
// the versions of clients/requirements.txt.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensurePythonEnvironment } from './python-environment.ts'

const exec = promisify(execFile)
export const clientRequirements = join(import.meta.dirname, 'clients/requirements.txt')

/** The name of an entry in clouds.yaml. */
export type CloudName = 'kubenova' | 'kubenova-admin'

export interface OpenStackClients {
  openstack(...args: string[]): Promise<string>
  openstackJson<T = Record<string, unknown>>(...args: string[]): Promise<T>
  /** Runs as the user of openrc, because `nova` does not read clouds.yaml. */
  nova(...args: string[]): Promise<string>
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

const readOpenrc = (dir: string): Record<string, string> =>
  Object.fromEntries(
    readFileSync(join(dir, 'openrc'), 'utf8')
      .matchAll(/^export (\w+)=(.*)$/gm)
      .map(([, name = '', value = '']) => [name, value]),
  )

/**
 * Hides the variables OS_…, which may belong to another cloud that the person who runs the tests uses. A child process
 * does not get a variable whose value is undefined.
 */
export const withoutOpenStack = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [name, name.startsWith('OS_') ? undefined : value]))

/** Returns the virtual environment with the clients. */
export const ensureClients = (): Promise<string> => ensurePythonEnvironment('openstack-clients', [clientRequirements])
