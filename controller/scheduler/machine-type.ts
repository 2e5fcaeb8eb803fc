/**
 * Compares machine types. An image may name one with a version (pc-q35-8.0); hosts report them without a version (q35).
 */

const aliases: Readonly<Record<string, string>> = { 'pc-q35': 'q35', 'pc-i440fx': 'pc' }

/**
 * Splits 'pc-q35-8.0' into the family q35 and the version 8.0, the oldest QEMU version with this machine type. The
 * version is 0 for a machine type of a distribution (pc-q35-rhel9.2.0), because such a name does not tell QEMU's
 * version.
 */
function parseMachineType(name: string): { family: string; version: number } {
  const m = /^(.+)-(\d+)\.(\d+)$/.exec(name)
  const base = m?.[1] ?? name.replace(/^(pc-q35|pc-i440fx|virt|pseries|s390-ccw-virtio)-[a-z].*$/, '$1')
  const version = m ? Number(m[2]) * 1_000_000 + Number(m[3]) * 1000 : 0
  return { family: aliases[base] ?? base, version }
}

/**
 * @param reported the machine types that the host reports
 * @param qemuVersion the host's QEMU version as a number (host-view.ts); 0 if unknown
 */
export function supportsMachineType(reported: readonly string[], qemuVersion: number, name: string): boolean {
  if (reported.includes(name)) return true
  const { family, version } = parseMachineType(name)
  return reported.includes(family) && (qemuVersion === 0 || version <= qemuVersion)
}
