// `make gitops`: a real Flux keeps a fleet of Servers in the state of a git repository. The steps build on each other.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { findCondition, type Server } from '../../crds/index.ts'
import { withCloud } from '../e2e/user.ts'
import { freePorts } from '../rig/ports.ts'
import { waitForStatus, waitUntil } from '../rig/wait-until.ts'
import { FLEET_SIZE, makeRoomForFleet, manifestOfGuide, withScratch } from './fleet.ts'
import { Flux, type Kustomization } from './flux.ts'
import { serveRepository } from './git-server.ts'
import { Repository } from './repository.ts'

const user = withCloud({ hosts: 2 })
const dir = withScratch()
let flux: Flux
let repository: Repository
let gitServer: AsyncDisposable
let url: string

beforeAll(async () => {
  await makeRoomForFleet(user())
  repository = await Repository.create(join(dir, 'repository'), FLEET_SIZE)
  const [port = 0] = await freePorts('127.0.0.1', 1)
  gitServer = await serveRepository(join(dir, 'repository'), port)
  url = `http://127.0.0.1:${port}/fleet.git`
  flux = await Flux.start(user().cloud, join(dir, 'flux'))
})

afterAll(() => gitServer?.[Symbol.asyncDispose]())

const waitForKustomization = (what: string, isSo: (fleet: Kustomization) => boolean): Promise<Kustomization> =>
  waitForStatus(() => flux.kustomization('fleet'), isSo, { what, deadline: 900_000, every: 500 })

const isReadyAt =
  (revision: string) =>
  ({ metadata, status }: Kustomization): boolean =>
    status?.lastAppliedRevision?.endsWith(revision) === true &&
    status.observedGeneration === metadata.generation &&
    findCondition(status.conditions, 'Ready')?.status === 'True'

async function reconcile(): Promise<void> {
  const requestedAt = await flux.reconcile('fleet')
  await waitForKustomization('the end of the reconciliation', ({ status }) => {
    return (
      status?.lastHandledReconcileAt === requestedAt && findCondition(status.conditions, 'Reconciling') === undefined
    )
  })
}

const serversOf = ({ status }: Kustomization): string[] =>
  (status?.inventory?.entries ?? []).flatMap(
    ({ id }) => /^default_(.*)_compute\.kubenova\.io_Server$/.exec(id)?.[1] ?? [],
  )

it('a fleet in git becomes Ready when all its servers run', async () => {
  const source = manifestOfGuide('GitRepository')
  const manifests = [{ ...source, spec: { ...source.spec, url } }, manifestOfGuide('Kustomization')]
  const file = join(dir, 'flux.yaml')
  writeFileSync(file, manifests.map((manifest) => stringify(manifest)).join('---\n'))
  await user().kubectl('apply', '-f', file)
  const fleet = await waitForKustomization('the fleet to be Ready', isReadyAt(await repository.head()))
  expect(serversOf(fleet)).toHaveLength(FLEET_SIZE)
  expect((await user().list('server')).map(({ status }) => status?.vmState)).toEqual(Array(FLEET_SIZE).fill('active'))
})

it('a commit stops a server, and the fleet is Ready', async () => {
  const manifest = repository.readServer('shop-1')
  repository.writeServer({ ...manifest, spec: { ...manifest.spec, powerState: 'Stopped' } })
  const revision = await repository.commit('stop shop-1')
  await flux.reconcile('fleet')
  await waitForKustomization('the fleet to be Ready at the commit', isReadyAt(revision))
  expect((await user().get('server', 'shop-1')).status?.vmState).toBe('stopped')
})

it('a server that a person has paused stays paused, and is Ready, if kubectl was told another field manager', async () => {
  const pause = ['--type', 'merge', '-p', '{"spec":{"powerState":"Paused"}}']
  await user().kubectl('patch', 'server', 'shop-3', '--field-manager=operator', ...pause)
  await user().waitForServer('shop-3', 'paused', ({ status }) => status?.vmState === 'paused')
  await reconcile()
  expect(await flux.kustomization('fleet')).toSatisfy(isReadyAt(await repository.head()))
  expect((await user().get('server', 'shop-3')).spec.powerState).toBe('Paused')
})

it('a server that a person has paused runs again when kubectl was told no field manager', async () => {
  await user().kubectl('patch', 'server', 'shop-2', '--type', 'merge', '-p', '{"spec":{"powerState":"Paused"}}')
  await user().waitForServer('shop-2', 'paused', ({ status }) => status?.vmState === 'paused')
  await reconcile()
  await user().waitForServer('shop-2', 'active again', ({ spec, status }) => {
    return spec.powerState === 'Running' && status?.vmState === 'active'
  })
})

it('a field that git decides is applied again', async () => {
  await user().patch('server', 'shop-1', { spec: { powerState: 'Running' } })
  await reconcile()
  const { spec, status } = await user().waitForServer('shop-1', 'stopped', ({ spec, status }) => {
    return spec.powerState === 'Stopped' && status?.vmState === 'stopped'
  })
  expect({ powerState: spec.powerState, fault: status?.fault }).toEqual({ powerState: 'Stopped', fault: undefined })
})

it('reconciliations change no spec', async () => {
  const generations = async (): Promise<[name: string, generation: number | undefined][]> =>
    (await user().list('server')).map(({ metadata }) => [metadata.name, metadata.generation])
  const before = await generations()
  for (let n = 0; n < 3; n++) await reconcile()
  expect(await generations()).toEqual(before)
})

it('a server that no host can take makes the fleet fail, with a message that names it', async () => {
  repository.writeServer({ ...repository.readServer('shop-2'), metadata: { name: 'shop-nowhere' }, spec: nowhere })
  const revision = await repository.commit('add a server for a zone that does not exist')
  await flux.reconcile('fleet')
  const { status } = await waitForKustomization('the fleet to fail', ({ status }) => {
    const isAt = status?.lastAttemptedRevision?.endsWith(revision)
    return isAt === true && findCondition(status?.conditions, 'Ready')?.status === 'False'
  })
  const ready = findCondition(status?.conditions, 'Ready')
  expect(ready?.reason).toBe('HealthCheckFailed')
  expect(ready?.message).toContain('Server/default/shop-nowhere')
})

it('servers that git no longer has are deleted, except one that is annotated', async () => {
  const { metadata, ...manifest } = repository.readServer('shop-3')
  const annotations = { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' }
  repository.writeServer({ ...manifest, metadata: { ...metadata, annotations } })
  const annotated = await repository.commit('keep shop-3')
  await flux.reconcile('fleet')
  await waitForKustomization('the annotation to be applied', ({ status }) => {
    return status?.lastAttemptedRevision?.endsWith(annotated) === true
  })
  repository.removeServer('shop-nowhere')
  repository.removeServer('shop-2')
  repository.removeServer('shop-3')
  const revision = await repository.commit('remove servers')
  await flux.reconcile('fleet')
  await waitForKustomization('the fleet to be Ready', isReadyAt(revision))
  const areGone = async (): Promise<boolean> => {
    const names = (await user().list('server')).map(({ metadata }) => metadata.name)
    return !names.includes('shop-2') && !names.includes('shop-nowhere')
  }
  await waitUntil(areGone, { what: 'the deleted servers to be gone', deadline: 120_000, every: 500 })
  expect((await user().get('server', 'shop-3')).metadata.deletionTimestamp).toBeUndefined()
})

const nowhere: Partial<Server['spec']> = {
  flavor: 'fleet-small',
  image: { name: 'fleet-guest' },
  networks: [{ name: 'fleet' }],
  availabilityZone: 'nowhere',
}
