import { expect, it } from 'vitest'
import { noLog } from '../../kube/log.ts'
import { parseVifModels } from '../domain/capabilities.ts'
import type { CallFunction } from '../libvirt/index.ts'
import { listQemuDevices, readHostFacts } from './facts.ts'

/** Reads the facts of a host whose libvirt offers these guests. */
function readFactsWith(guests: string, domainType: 'auto' | 'kvm' | 'qemu') {
  const capabilities = `<capabilities><host><cpu><arch>x86_64</arch></cpu></host>${guests}</capabilities>`
  const call = (async () => ({ capabilities })) as unknown as CallFunction
  return readHostFacts(call, { domainType, dataDir: '/', hostIP: '10.0.0.1', agentVersion: '1', log: noLog })
}
const emulated =
  '<guest><os_type>hvm</os_type><arch name="x86_64"><emulator>/usr/bin/qemu-system-x86_64</emulator><domain type="qemu"/></arch></guest>'

it('readHostFacts rejects with EmulatorMissing when libvirt finds no QEMU for the host', async () => {
  await expect(readFactsWith('', 'auto')).rejects.toMatchObject({
    code: 'EmulatorMissing',
    message: 'libvirt finds no QEMU for x86_64 on this host: install QEMU for x86_64, then restart libvirtd',
  })
})

it('readHostFacts rejects with KvmMissing when KVM is demanded and libvirt offers none', async () => {
  await expect(readFactsWith(emulated, 'kvm')).rejects.toMatchObject({
    code: 'KvmMissing',
    message:
      'the option domainType is kvm, but libvirt offers no KVM: load the module kvm_intel or kvm_amd, let QEMU open /dev/kvm, and restart libvirtd; or allow emulation with domainType auto',
  })
})

it('listQemuDevices lists virtio when the agent does not see the QEMU of its host', async () => {
  expect(parseVifModels(await listQemuDevices('/nowhere/qemu-system-x86_64'))).toEqual(['virtio'])
})

it('listQemuDevices rejects when QEMU fails', async () => {
  await expect(listQemuDevices('/bin/false')).rejects.toThrow('Command failed')
})
