/** The block devices of a request for servers. A server has the disks of its flavor, and no volumes. */
import type { Flavor } from '../../../crds/index.ts'
import { newBadRequest } from '../../http/fault.ts'
import type { CreateServerBody } from './create-schema.ts'

type RequestedServer = CreateServerBody['server']
type Device = NonNullable<RequestedServer['block_device_mapping_v2']>[number]

const invalid = (why: string): Error => newBadRequest(`Block Device Mapping is Invalid: ${why}`)

const isLocal = ({ destination_type }: Device): boolean => destination_type !== 'volume'
const isImage = (device: Device): boolean => device.source_type === 'image' && isLocal(device)
const isBlank = (device: Device): boolean => device.source_type === 'blank' && isLocal(device)
const isSwap = (device: Device): boolean => isBlank(device) && device.guest_format === 'swap'

/** Throws a 400 for devices that the server would not have. */
export function checkBlockDevices(server: RequestedServer, { spec: { swap, ephemeral } }: Flavor): void {
  const { block_device_mapping: legacy = [], block_device_mapping_v2: all = [] } = server
  if (legacy.length > 0 && all.length > 0)
    throw newBadRequest('Using different block_device_mapping syntaxes is not allowed in the same request.')
  const devices = all.filter(({ no_device }) => !no_device)
  if (devices.some((device) => isImage(device) && !(server.imageRef && Number(device.boot_index ?? -1) === 0)))
    throw invalid('Mapping image to local is not supported.')
  if (legacy.length > 0 || devices.some((device) => !isImage(device) && !isBlank(device)))
    throw invalid('volumes are not supported.')
  checkBootSequence(devices)
  checkSwap(devices.filter(isSwap), swap)
  checkEphemeral(
    devices.filter((device) => isBlank(device) && !isSwap(device)),
    ephemeral,
  )
}

function checkBootSequence(devices: readonly Device[]): void {
  const indexes = devices.map(({ boot_index: index }) => Number(index ?? -1)).filter((index) => index >= 0)
  const isSequence = indexes.toSorted((a, b) => a - b).every((index, i) => index === i)
  if (devices.length > 0 && (indexes.length === 0 || !isSequence))
    throw invalid('Boot sequence for the instance and image/block device mapping combination is not valid.')
}

function checkSwap(devices: readonly Device[], ofFlavor: number): void {
  const [device] = devices
  if (!device) return
  if (devices.length > 1) throw invalid('More than one swap drive requested.')
  const size = Number(device.volume_size ?? 0)
  if (size > ofFlavor) throw newBadRequest('Swap drive requested is larger than instance type allows.')
  if (size < ofFlavor) throw invalid(`the swap disk has the ${ofFlavor} MiB of the flavor.`)
}

/** Devices without a size have that of the flavor. */
function checkEphemeral(devices: readonly Device[], ofFlavor: number): void {
  const size = devices.reduce((sum, { volume_size: own }) => sum + Number(own ?? ofFlavor), 0)
  if (size > ofFlavor)
    throw newBadRequest(
      'Ephemeral disks requested are larger than the instance type allows. If no size is given in one block device mapping, flavor ephemeral size will be used.',
    )
  if (devices.length > 1 || (devices.length === 1 && size < ofFlavor))
    throw invalid(`the server has one ephemeral disk, with the ${ofFlavor} GiB of the flavor.`)
}
