import { describe, expect, it } from 'vitest'
import type { ServerAction } from '../../crds/index.ts'
import { Terminal, Transient } from '../../crds/index.ts'
import { Life } from '../../test/fakes/life.ts'
import { type Bench, readyOf, startBenchWithActiveServer, writesOf } from './testing.ts'

const phaseOf = (bench: Bench, name: string) =>
  (bench.api.find('serveractions', `demo/${name}`) as ServerAction | undefined)?.status?.phase

async function rescued(): Promise<Bench> {
  const bench = await startBenchWithActiveServer()
  await bench.requestAction('rescue')
  await bench.reconcileUntilSettled()
  return bench
}

describe('rescue', () => {
  it('boots the rescue disk, keeps the own disk, and writes the mode together with the completion', async () => {
    const bench = await startBenchWithActiveServer()
    const uid = await bench.requestAction('rescue')
    expect(writesOf(await bench.reconcileUntilSettled())).toEqual([
      'applyStatus servers',
      'apply serveractions',
      'applyStatus servers',
    ])
    expect(bench.machine).toMatchObject({
      disks: true,
      diskGeneration: 1,
      domain: { state: 'running', runsFrom: 'rescue disk' },
    })
    expect(bench.machine.rescueDisk).toEqual({ image: 'cirros', requestId: uid })
    expect(bench.status).toMatchObject({
      mode: 'rescued',
      vmState: 'rescued',
      powerState: 'Running',
      lastCompletedAction: uid,
    })
    expect(readyOf(bench)).toMatchObject({ status: 'False', reason: 'Rescued' })
    expect(phaseOf(bench, 'rescue-1')).toBe('Succeeded')
  })

  it('leaves the server active when the image cannot be used', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.requestAction('rescue')
    const broken = new Terminal('ImageChecksumMismatch', 'it is another image')
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('rescueDisks.create', broken)))
    expect(phaseOf(bench, 'rescue-1')).toBe('Failed')
    expect(bench.status).toMatchObject({ vmState: 'active' })
    expect(bench.status).not.toHaveProperty('fault')
    expect(bench.machine).toMatchObject({ starts: 1, rescueDisk: undefined })
    expect(readyOf(bench)).toMatchObject({ status: 'True' })
  })

  it.each([
    ['rescueDisks.create', new Transient('ImageDownloadFailed', 'the source is down')],
    ['domains.checkDefinition', new Terminal('FirmwareUnavailable', 'this host has no UEFI')],
  ])('leaves the server active when %s fails in all tries', async (call, error) => {
    const bench = await startBenchWithActiveServer()
    await bench.requestAction('rescue')
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail(call, error, { times: 20 })))
    expect(phaseOf(bench, 'rescue-1')).toBe('Failed')
    expect(bench.status).toMatchObject({ vmState: 'active' })
    expect(bench.status).not.toHaveProperty('fault')
    expect(bench.machine).toMatchObject({ starts: 1, rescueDisk: undefined, domain: { runsFrom: 'root disk' } })
  })

  it('leaves the guest running when the files of its own disks are lost', async () => {
    const bench = await startBenchWithActiveServer()
    bench.machine.disks = false
    await bench.requestAction('rescue')
    await bench.reconcileUntilSettled()
    expect(phaseOf(bench, 'rescue-1')).toBe('Failed')
    expect(bench.machine).toMatchObject({ starts: 1, domain: { state: 'running' } })
  })

  it('leaves a stopped server off when the image cannot be used', async () => {
    const bench = await startBenchWithActiveServer()
    bench.host.turnDomainOff(bench.server.metadata.uid ?? '', 'shutdown')
    await bench.reconcileUntilSettled()
    await bench.requestAction('rescue')
    const broken = new Terminal('ImageChecksumMismatch', 'it is another image')
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('rescueDisks.create', broken)))
    expect(bench.machine).toMatchObject({ starts: 1, domain: { state: 'off' } })
    expect(bench.status).toMatchObject({ vmState: 'stopped' })
  })

  it('boots the own disk again, and ends in error, when the rescue system cannot be started', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.requestAction('rescue')
    const life = new Life().fail('domains.start', new Terminal('UnsupportedHardware', 'QEMU has no machine q99'))
    await bench.reconcileUntilSettled(bench.startAgent(life))
    expect(bench.status).toMatchObject({ vmState: 'error', fault: { details: 'UnsupportedHardware' } })
    expect(bench.status).not.toHaveProperty('mode')
    expect(bench.machine).toMatchObject({ rescueDisk: undefined, domain: { state: 'running', runsFrom: 'root disk' } })
  })

  it('ends in error with the server off when this host cannot boot the own disk, either', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.requestAction('rescue')
    const broken = new Terminal('UnsupportedHardware', 'QEMU has no machine q99')
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.start', broken, { times: 2 })))
    expect(bench.status).toMatchObject({ vmState: 'error' })
    expect(bench.machine).toMatchObject({ rescueDisk: undefined, domain: { state: 'off' } })
  })

  it('boots the rescue disk again when QEMU dies; when that disk is lost, unrescue boots the own disk', async () => {
    const bench = await rescued()
    bench.host.turnDomainOff(bench.server.metadata.uid ?? '', 'crashed')
    await bench.reconcileUntilSettled()
    expect(bench.machine.domain).toMatchObject({ state: 'running', runsFrom: 'rescue disk' })
    bench.host.turnDomainOff(bench.server.metadata.uid ?? '', 'crashed')
    bench.machine.rescueDisk = undefined
    const agent = bench.startAgent()
    await bench.clock.advance(60_000)
    await bench.reconcileOnce(agent)
    expect(readyOf(bench)).toMatchObject({ status: 'False', reason: 'DiskMissing' })
    expect(bench.machine.domain?.state).toBe('off')
    expect(bench.status.taskState).toBeUndefined()
    await bench.requestAction('unrescue')
    await bench.reconcileUntilSettled(agent)
    expect(bench.status).toMatchObject({ vmState: 'active' })
    expect(bench.machine.domain).toMatchObject({ state: 'running', runsFrom: 'root disk' })
  })
})

describe('unrescue', () => {
  it('boots the own disk and deletes the rescue disk', async () => {
    const bench = await rescued()
    await bench.requestAction('unrescue')
    await bench.reconcileUntilSettled()
    expect(bench.machine).toMatchObject({
      diskGeneration: 1,
      rescueDisk: undefined,
      domain: { state: 'running', runsFrom: 'root disk' },
    })
    expect(bench.status).toMatchObject({ vmState: 'active', reachedPowerState: 'Running' })
    expect(bench.status).not.toHaveProperty('mode')
    expect(readyOf(bench)).toMatchObject({ status: 'True' })
  })

  it('leaves the server off when spec.powerState has become Stopped meanwhile', async () => {
    const bench = await rescued()
    await bench.setDesiredPower('Stopped')
    await bench.reconcileUntilSettled()
    expect(bench.machine.domain?.runsFrom).toBe('rescue disk')
    await bench.requestAction('unrescue')
    await bench.reconcileUntilSettled()
    expect(bench.machine).toMatchObject({ starts: 2, rescueDisk: undefined, domain: { state: 'off' } })
    expect(bench.status).toMatchObject({ vmState: 'stopped', reachedPowerState: 'Stopped' })
  })

  it('pauses the server after that when spec.powerState is Paused', async () => {
    const bench = await rescued()
    await bench.setDesiredPower('Paused')
    await bench.requestAction('unrescue')
    await bench.reconcileUntilSettled()
    expect(bench.status).toMatchObject({ vmState: 'paused', reachedPowerState: 'Paused' })
  })

  it('succeeds when the rescue disk can be deleted only after many tries', async () => {
    const bench = await rescued()
    await bench.requestAction('unrescue')
    const agent = bench.startAgent(new Life().fail('rescueDisks.delete', new Error('EIO'), { times: 10 }))
    await bench.reconcileUntilSettled(agent)
    expect(bench.status).toMatchObject({ vmState: 'active' })
    expect(bench.machine).toMatchObject({ starts: 3, rescueDisk: undefined, domain: { runsFrom: 'root disk' } })
  })

  it('keeps mode and rescue disk when it fails, and a hard reboot runs the rescue system again', async () => {
    const bench = await rescued()
    await bench.requestAction('unrescue')
    await bench.reconcileUntilSettled(
      bench.startAgent(new Life().fail('domains.define', new Terminal('InvalidDomain', 'libvirt refuses it'))),
    )
    expect(bench.status).toMatchObject({ vmState: 'error', mode: 'rescued' })
    expect(bench.machine.rescueDisk).toBeDefined()
    await bench.requestAction('reboot', { type: 'HARD' })
    await bench.reconcileUntilSettled()
    expect(bench.status).toMatchObject({ vmState: 'rescued', mode: 'rescued' })
    expect(bench.machine.domain).toMatchObject({ state: 'running', runsFrom: 'rescue disk' })
  })
})

it('the deletion of a rescued server leaves nothing', async () => {
  const bench = await rescued()
  const { uid = '' } = bench.server.metadata
  await bench.delete()
  await bench.reconcileUntilSettled()
  expect(bench.host.isEmpty(uid)).toBe(true)
})

it('a rescue goes on after an error of the host that is transient', async () => {
  const bench = await startBenchWithActiveServer()
  await bench.requestAction('rescue')
  const agent = bench.startAgent(new Life().fail('rescueDisks.create', new Transient('DiskFull', 'no space left')))
  await bench.reconcileUntilSettled(agent)
  expect(bench.status).toMatchObject({ mode: 'rescued' })
})
