import { describe, expect, it } from 'vitest'
import type { Flavor } from '../../../crds/index.ts'
import { checkBlockDevices } from './block-devices.ts'

const IMAGE = '911fb3e3-4429-447b-b50f-e230b15432bb'
const image = { source_type: 'image', destination_type: 'local', boot_index: 0, uuid: IMAGE }
const volume = { source_type: 'volume', destination_type: 'volume', boot_index: 1, uuid: IMAGE }
const swap = { source_type: 'blank', destination_type: 'local', guest_format: 'swap', boot_index: -1 }
const ephemeral = { source_type: 'blank', destination_type: 'local', boot_index: -1 }

const check = (server: object): void =>
  checkBlockDevices({ name: 'a', flavorRef: 'tiny', imageRef: IMAGE, ...server }, {
    spec: { swap: 512, ephemeral: 2 },
  } as Flavor)

describe('checkBlockDevices', () => {
  it.each<[string, object[]]>([
    ['no device', []],
    ['the image as the root disk', [image]],
    ['the swap disk of the flavor', [image, { ...swap, volume_size: 512 }]],
    ['the ephemeral disk of the flavor', [image, { ...ephemeral, volume_size: '2' }]],
    ['an ephemeral disk without a size', [image, ephemeral]],
    ['a removed device of the image', [image, { ...volume, no_device: true }]],
  ])('accepts %s', (_, devices) => {
    expect(() => check({ block_device_mapping_v2: devices })).not.toThrow()
  })

  it.each<[string, object[], string]>([
    ['a volume beside the image', [image, volume], 'Block Device Mapping is Invalid: volumes are not supported.'],
    [
      'a volume made from an image',
      [image, { ...image, destination_type: 'volume', boot_index: 1 }],
      'Block Device Mapping is Invalid: volumes are not supported.',
    ],
    [
      'the image as another disk',
      [{ ...image, boot_index: 1 }],
      'Block Device Mapping is Invalid: Mapping image to local is not supported.',
    ],
    [
      'two root disks',
      [image, image],
      'Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping combination is not valid.',
    ],
    [
      'no root disk',
      [swap],
      'Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping combination is not valid.',
    ],
    [
      'more swap than the flavor has',
      [image, { ...swap, volume_size: 513 }],
      'Swap drive requested is larger than instance type allows.',
    ],
    [
      'less swap than the flavor has',
      [image, { ...swap, volume_size: 511 }],
      'Block Device Mapping is Invalid: the swap disk has the 512 MiB of the flavor.',
    ],
    ['two swap disks', [image, swap, swap], 'Block Device Mapping is Invalid: More than one swap drive requested.'],
    [
      'two ephemeral disks',
      [image, { ...ephemeral, volume_size: 1 }, { ...ephemeral, volume_size: 1 }],
      'Block Device Mapping is Invalid: the server has one ephemeral disk, with the 2 GiB of the flavor.',
    ],
    [
      'larger ephemeral disks than the flavor has',
      [image, ephemeral, { ...ephemeral, volume_size: 1 }],
      'Ephemeral disks requested are larger than the instance type allows. If no size is given in one block device mapping, flavor ephemeral size will be used.',
    ],
  ])('refuses %s', (_, devices, message) => {
    expect(() => check({ block_device_mapping_v2: devices })).toThrow(message)
  })

  it('refuses a device in the older form', () => {
    expect(() => check({ block_device_mapping: [{ volume_id: IMAGE }] })).toThrow('volumes are not supported.')
  })

  it('refuses devices in both forms', () => {
    expect(() => check({ block_device_mapping: [{ volume_id: IMAGE }], block_device_mapping_v2: [image] })).toThrow(
      'Using different block_device_mapping syntaxes is not allowed in the same request.',
    )
  })

  it('refuses to boot from a volume', () => {
    expect(() => check({ imageRef: '', block_device_mapping_v2: [{ ...volume, boot_index: 0 }] })).toThrow(
      'volumes are not supported.',
    )
  })
})
