import { expect, it } from 'vitest'
import { parseVifModels } from '../domain/capabilities.ts'
import { listQemuDevices } from './facts.ts'

it('listQemuDevices lists virtio when the agent does not see the QEMU of its host', async () => {
  expect(parseVifModels(await listQemuDevices('/nowhere/qemu-system-x86_64'))).toEqual(['virtio'])
})

it('listQemuDevices rejects when QEMU fails', async () => {
  await expect(listQemuDevices('/bin/false')).rejects.toThrow('Command failed')
})
