/**
 * Measures the Nova API over HTTP: a real shim, API server and controller; real agent code on simulated hosts. Each
 * figure is the best of several rounds, because other load on the machine only makes it worse. `cpu` is the CPU time of
 * the shim for each request. Prints lines `name value unit`; a MB is 10^6 bytes. If RIVAL_AUTH_URL is set, it then
 * sends the same requests to that cloud, in a project without servers. It also needs RIVAL_USERNAME, RIVAL_PASSWORD,
 * RIVAL_PROJECT_NAME, and the IDs RIVAL_FLAVOR and RIVAL_IMAGE; RIVAL_REGION_NAME is optional.
 * Usage: node test/bench/api.ts [--rounds 3] [--hosts 50] [--few 100] [--many 1000] [--total 10000] [--source]
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildPrograms } from '../../hack/build.ts'
import { createScratchDirectory } from '../rig/scratch.ts'
import { measureApi } from '../scale/measure-api.ts'
import type { Figure } from '../scale/measure-scale.ts'
import { builtProgram, sourceProgram } from '../scale/scale-cloud.ts'
import { deleteServers, listServerIds } from './lib/api-load.ts'
import { ApiUser } from './lib/api-user.ts'
import { measureRequests } from './lib/measure-requests.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    hosts: { type: 'string', default: '50' },
    few: { type: 'string', default: '100' },
    many: { type: 'string', default: '1000' },
    total: { type: 'string', default: '10000' },
    source: { type: 'boolean', default: false },
  },
})

function print(figures: readonly Figure[]): void {
  for (const { name, value, unit } of figures) console.log(`${name} ${value.toFixed(unit === 'MB' ? 0 : 1)} ${unit}`)
}

async function measureRival(few: number, log: (line: string) => void): Promise<void> {
  const {
    RIVAL_AUTH_URL: authUrl,
    RIVAL_USERNAME: name = '',
    RIVAL_PASSWORD: password = '',
    RIVAL_PROJECT_NAME: project = '',
    RIVAL_REGION_NAME: region,
    RIVAL_FLAVOR: flavorRef = '',
    RIVAL_IMAGE: imageRef = '',
  } = process.env
  if (authUrl === undefined) return
  const user = await ApiUser.signIn({ authUrl, name, password, project, ...(region === undefined ? {} : { region }) })
  if ((await listServerIds(user)).length > 0) throw new Error(`Project ${project} has servers. Choose an empty one.`)
  const boot = { flavorRef, imageRef, networks: 'none' } as const
  const figures = await measureRequests(user, { boot, few, rounds: 1, log })
  print(figures.map((figure) => ({ ...figure, name: `rival.${figure.name}` })))
  await deleteServers(user)
  user.close()
}

const log = (line: string): void => console.error(line)
const root = createScratchDirectory()
try {
  const dist = join(root, 'dist')
  if (!values.source) await buildPrograms(dist)
  const { rounds, hosts, few, many, total } = values
  await measureApi({
    dir: join(root, 'cloud'),
    program: values.source ? sourceProgram : builtProgram(dist),
    rounds: Number(rounds),
    hosts: Number(hosts),
    few: Number(few),
    many: Number(many),
    total: Number(total),
    print,
    log,
  })
  await measureRival(Number(few), log)
} finally {
  rmSync(root, { recursive: true, force: true })
}
