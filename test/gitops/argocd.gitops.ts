// `make gitops`: a real Argo CD keeps a fleet of Servers in the state of a git repository. The steps build on each
// other.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { withCloud } from '../e2e/user.ts'
import { waitForStatus } from '../rig/wait-until.ts'
import { type Application, ArgoCd } from './argocd.ts'
import { FLEET_SIZE, makeRoomForFleet, manifestOfGuide, withScratch } from './fleet.ts'
import { Repository } from './repository.ts'

const CHURN_MS = Number(process.env['GITOPS_CHURN_MINUTES'] ?? 5) * 60_000

const user = withCloud({ hosts: 2 })
let argocd: ArgoCd
let repository: Repository

function applicationOfGuide(): object {
  const application = manifestOfGuide('Application')
  const { source } = application.spec as { source: object }
  return { ...application, spec: { ...application.spec, source: { ...source, repoURL: repository.url } } }
}

const waitForApplication = (what: string, isSo: (app: Application) => boolean): Promise<Application> =>
  waitForStatus(() => argocd.application('fleet'), isSo, { what, deadline: 900_000, every: 500 })

const isAt =
  (revision: string, health = 'Healthy') =>
  ({ status }: Application): boolean =>
    status?.sync?.status === 'Synced' && status.sync.revision === revision && status.health?.status === health

const nameOf = (kind: string, { status }: Application): string[] =>
  (status?.resources ?? []).flatMap((r) => (r.kind === kind ? [r.name] : [])).toSorted()

const dir = withScratch()

beforeAll(async () => {
  await makeRoomForFleet(user())
  repository = await Repository.create(join(dir, 'repository'), FLEET_SIZE)
  argocd = await ArgoCd.start(user().cloud, join(dir, 'argocd'))
})

it('a fleet in git becomes Synced and Healthy, with the default diff', async () => {
  const file = join(dir, 'application.yaml')
  writeFileSync(file, stringify(applicationOfGuide()))
  await user().kubectl('apply', '-f', file)
  const app = await waitForApplication('the fleet to be Synced and Healthy', isAt(await repository.head()))
  expect(nameOf('Server', app)).toHaveLength(FLEET_SIZE)
  expect(
    app.status?.resources?.filter(({ status, health }) => status !== 'Synced' || health?.status !== 'Healthy'),
  ).toEqual([])
  expect(app.status?.resources?.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['Flavor', 'Image', 'Network']))
})

it('a commit stops a server, which is then Healthy', async () => {
  const manifest = repository.readServer('shop-1')
  repository.writeServer({ ...manifest, spec: { ...manifest.spec, powerState: 'Stopped' } })
  const revision = await repository.commit('stop shop-1')
  await argocd.refresh('fleet')
  await user().waitForServer('shop-1', 'stopped', ({ status }) => status?.vmState === 'stopped', 180_000)
  await waitForApplication('the stopped server to be Healthy', isAt(revision))
})

it('an action reboots a server by a ServerAction, and leaves the fleet Synced', async () => {
  const before = (await user().get('server', 'shop-2')).status?.lastCompletedAction
  await runAction('reboot-hard', 'shop-2')
  const { status } = await user().waitForServer(
    'shop-2',
    'rebooted',
    ({ status }) => status?.lastCompletedAction !== before && status?.vmState === 'active',
    300_000,
  )
  expect(status?.fault).toBeUndefined()
  await waitForApplication('the fleet to be Synced', ({ status }) => status?.sync?.status === 'Synced')
})

it('an action pauses a server that git says nothing about, and Argo CD shows it as Suspended', async () => {
  await runAction('pause', 'shop-3')
  await waitForApplication('the paused server to be Suspended', ({ status }) => {
    const shop = status?.resources?.find(({ name }) => name === 'shop-3')
    return shop?.status === 'Synced' && shop.health?.status === 'Suspended'
  })
  await runAction('unpause', 'shop-3')
  await waitForApplication('the fleet to be Healthy', ({ status }) => status?.health?.status === 'Healthy')
})

it('an action of what git decides is undone', async () => {
  await runAction('start', 'shop-1')
  await waitForApplication('another sync', ({ status }) => status?.sync?.status === 'Synced')
  await user().waitForServer(
    'shop-1',
    'stopped again',
    ({ spec, status }) => {
      return spec.powerState === 'Stopped' && status?.vmState === 'stopped'
    },
    300_000,
  )
})

it('a server that git no longer has is deleted only after a confirmation', async () => {
  repository.removeServer('shop-3')
  await repository.commit('remove shop-3')
  await argocd.refresh('fleet')
  await waitForApplication('the sync to wait for a confirmation', ({ status }) =>
    /Waiting for pruning confirmation/.test(status?.operationState?.message ?? ''),
  )
  expect((await user().get('server', 'shop-3')).metadata.deletionTimestamp).toBeUndefined()
  await argocd.cli('app', 'confirm-deletion', 'fleet')
  await waitForApplication('the server to be gone', (app) => !nameOf('Server', app).includes('shop-3'))
})

it(
  'nothing drifts while other servers come and go',
  async () => {
    const app = await waitForApplication('the fleet to be Synced', ({ status }) => status?.sync?.status === 'Synced')
    const syncs = app.status?.history?.length
    const end = performance.now() + CHURN_MS
    for (let n = 1; performance.now() < end; n++) {
      const name = `guest-of-nobody-${n}`
      await user().createServer(name)
      await user().waitUntilReady(name, 180_000)
      await user().patch('server', name, { spec: { powerState: 'Stopped' } })
      await user().waitForServer(name, 'stopped', ({ status }) => status?.vmState === 'stopped', 180_000)
      await user().delete(name)
      const { status } = await argocd.application('fleet')
      expect(status?.resources?.filter((resource) => resource.status !== 'Synced')).toEqual([])
    }
    expect((await argocd.application('fleet')).status?.history?.length).toBe(syncs)
  },
  CHURN_MS + 1_200_000,
)

async function runAction(action: string, server: string): Promise<void> {
  const target = ['--kind', 'Server', '--resource-name', server]
  await argocd.cli('app', 'actions', 'run', 'fleet', action, ...target)
}
