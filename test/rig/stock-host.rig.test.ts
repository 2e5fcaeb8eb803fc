import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startHost } from './host.ts'
import { isAlive } from './process.ts'
import { withRigPart } from './vitest.ts'

const host = withRigPart((dir) => startHost({ dir, name: 'host', stock: true, owned: true }))

const domain = `<domain type="qemu"><name>web</name><uuid>0f6a0c3e-5b0e-4a55-9d0b-3f8f1f6f2a11</uuid><memory unit="MiB">16</memory><vcpu>1</vcpu>
  <os><type arch="x86_64" machine="q35">hvm</type></os><devices>
  <serial type="pty"><log file="/var/lib/kubenova/console.log" append="on"/></serial></devices></domain>`

it('runs guests as another user than root, and their consoles by virtlogd', async () => {
  writeFileSync(join(host().home, 'var/lib/kubenova/web.xml'), domain)
  await host().virsh('define', join(host().home, 'var/lib/kubenova/web.xml'))
  await host().virsh('start', 'web')
  const shell = (script: string) => host().exec(['sh', '-c', script])
  expect((await shell('ps -C qemu-system-x86_64 -o user:32=')).trim()).toBe('libvirt-qemu')
  const holds = await shell(
    'for p in $(pidof virtlogd qemu-system-x86_64); do find /proc/$p/fd -lname "*/console.log" -printf "$(cat /proc/$p/comm)\\n"; done',
  )
  expect(holds.trim()).toBe('virtlogd')
})

it('probes the capabilities of QEMU once, not for each domain', async () => {
  const listProbes = () =>
    host().exec(['find', '/var/cache/libvirt/qemu/capabilities', '-name', '*.xml', '-printf', '%T+ %i\\n'])
  const before = await listProbes()
  expect(before).not.toBe('')
  await host().virsh('define', join(host().home, 'var/lib/kubenova/web.xml'))
  await host().virsh('domcapabilities')
  expect(await listProbes()).toBe(before)
})

it('keeps virtlogd and the console of the guest when libvirtd ends', async () => {
  await host().killLibvirtd()
  await host().startLibvirtd()
  expect((await host().virsh('domstate', 'web')).trim()).toBe('running')
  expect((await host().exec(['pidof', 'virtlogd'])).trim()).toMatch(/^\d+$/)
  const qemu = host().qemuOf('web')
  expect(qemu && isAlive(qemu)).toBe(true)
})
