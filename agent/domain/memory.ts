import { Terminal } from '../../crds/index.ts'
import type { XmlNode } from './parse-xml.ts'

const BYTES_PER_UNIT: Record<string, number | undefined> = {
  b: 1,
  bytes: 1,
  KB: 1e3,
  k: 1024,
  KiB: 1024,
  MB: 1e6,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  GB: 1e9,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  TB: 1e12,
  T: 1024 ** 4,
  TiB: 1024 ** 4,
}

/**
 * Returns MiB, rounded down. Without the attribute `unit`, the amount is in KiB.
 * @throws a Terminal error (not retried) with the code InvalidXML if the unit or the amount is invalid
 */
export function parseMemoryMiB(node: XmlNode | undefined): number {
  const unit = BYTES_PER_UNIT[node?.attributes['unit'] ?? 'KiB']
  const amount = Number(node?.text.trim() || Number.NaN)
  if (unit === undefined || Number.isNaN(amount))
    throw new Terminal('InvalidXML', `${node?.name ?? 'memory'} cannot be read as an amount of memory`)
  return Math.floor((amount * unit) / 1024 ** 2)
}
