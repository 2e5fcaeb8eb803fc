import { describe, expect, it } from 'vitest'
import { type ServerAction, Transient } from '../../crds/index.ts'
import { Life } from '../../test/fakes/life.ts'
import {
  type Bench,
  busyLibvirt,
  readyOf,
  startBenchWithActiveServer,
  startBenchWithServerInError,
  writesOf,
} from './testing.ts'

const NMI = 'trigger_crash_dump'

const record = (bench: Bench, name = `${NMI}-1`): ServerAction['status'] =>
  (bench.api.find('serveractions', `demo/${name}`) as ServerAction | undefined)?.status

describe('a request for an NMI', () => {
  it('costs two writes, and leaves the server active', async () => {
    const bench = await startBenchWithActiveServer()
    const uid = await bench.requestAction(NMI)
    expect(writesOf(await bench.reconcileUntilSettled())).toEqual(['apply serveractions', 'applyStatus servers'])
    expect(record(bench)).toMatchObject({
      phase: 'Succeeded',
      events: [{ event: 'compute_trigger_crash_dump', result: 'Success' }],
    })
    expect(bench.machine.nmis).toEqual([uid])
    expect(bench.status).toMatchObject({ vmState: 'active', lastCompletedAction: uid })
    expect(readyOf(bench)).toMatchObject({ status: 'True', reason: 'Running' })
  })

  it('leaves the server in error with its fault when it succeeds there', async () => {
    const bench = await startBenchWithServerInError('pause', 'Paused')
    const { fault } = bench.status
    await bench.requestAction(NMI)
    await bench.reconcileUntilSettled()
    expect(record(bench)).toMatchObject({ phase: 'Succeeded' })
    expect(bench.status).toMatchObject({ vmState: 'error', fault })
  })

  it('fails with a reason, and leaves the server stopped, when the guest does not run', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.setDesiredPower('Stopped')
    await bench.reconcileUntilSettled()
    await bench.requestAction(NMI)
    await bench.reconcileUntilSettled()
    expect(record(bench)).toMatchObject({
      phase: 'Failed',
      conditions: expect.arrayContaining([
        expect.objectContaining({ type: 'Complete', status: 'False', reason: 'GuestNotRunning' }),
      ]),
    })
    expect(bench.status).toMatchObject({ vmState: 'stopped' })
    expect(bench.status).not.toHaveProperty('fault')
  })

  it('fails, and leaves the server active, when all tries fail', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.requestAction(NMI)
    const agent = bench.startAgent(new Life().fail('domains.injectNmi', busyLibvirt, { times: 20 }))
    for (let i = 0; i < 5; i++) {
      await bench.reconcileOnce(agent)
      await bench.clock.advance(60_000)
    }
    expect(record(bench)).toMatchObject({ phase: 'Failed', message: 'inject-nmi: libvirt is busy' })
    expect(bench.status).toMatchObject({ vmState: 'active' })
    expect(bench.status).not.toHaveProperty('fault')
    expect(readyOf(bench)).toMatchObject({ status: 'True', reason: 'Running' })
  })

  it('fails with what to do when libvirtd stays busy with the domain', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.requestAction(NMI)
    const busy = new Transient('LibvirtBusy', 'libvirtd is busy with the domain')
    const agent = bench.startAgent(new Life().fail('domains.injectNmi', busy, { times: 20 }))
    for (let i = 0; i < 12; i++) {
      await bench.reconcileOnce(agent)
      await bench.clock.advance(60_000)
    }
    expect(record(bench)).toMatchObject({
      phase: 'Failed',
      message:
        'inject-nmi: libvirtd is busy with the domain; given up after 10 tries: see on the host what libvirtd does with the domain (virsh domjobinfo), then request it again',
    })
    expect(bench.machine.nmis).toEqual([])
    expect(bench.status).toMatchObject({ vmState: 'active' })
  })
})
