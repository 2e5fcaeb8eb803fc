// libvirtd offers KVM even if QEMU's user may not open /dev/kvm, because it queries QEMU's capabilities as root.
import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { noLog } from '../../kube/log.ts'
import { startHost } from '../../test/rig/host.ts'
import { withRigPart } from '../../test/rig/vitest.ts'
import { type Connection, openConnection, proc } from '../libvirt/index.ts'
import { probeKvm } from './probe-kvm.ts'

const host = withRigPart((dir) => startHost({ dir, name: 'host', stock: true, owned: true }))
let connection: Connection
beforeAll(async () => {
  connection = await openConnection(host().uri)
})
afterAll(() => connection.close())

it.skipIf(!existsSync('/dev/kvm'))(
  'probeKvm answers refused, and logs libvirt’s error, when QEMU’s user may not open /dev/kvm',
  async () => {
    const dataDir = join(host().home, 'var/lib/kubenova')
    // QEMU's user must be able to enter this directory, so that only /dev/kvm makes QEMU fail.
    chmodSync(join(host().home, '../..'), 0o755)
    await host().exec(['chmod', '600', '/dev/kvm'])
    const { capabilities } = await connection.call(proc.connectGetCapabilities, {})
    expect(capabilities).toContain("<domain type='kvm'")
    const warn = vi.fn()
    const call = connection.call.bind(connection)
    expect(await probeKvm(call, { arch: 'x86_64', dataDir, log: { ...noLog, warn } })).toBe('refused')
    expect(warn).toHaveBeenCalledOnce()
    expect(String(warn.mock.calls[0]?.[0].err)).toMatch(/KVM.*Permission denied/)
  },
)
