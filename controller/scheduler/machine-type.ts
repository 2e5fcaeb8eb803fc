/** Machine types. An image may name one with a version (pc-q35-8.0); hosts report them without (q35). */

const aliases: Readonly<Record<string, string>> = { 'pc-q35': 'q35', 'pc-i440fx': 'pc' }

/**
 * 'pc-q35-8.0' → family q35, from QEMU 8.0 on. A distribution's name (pc-q35-rhel9.2.0) says nothing about QEMU's
 * version: 0.
 */
function parseMachineType(name: string): { family: string; version: number } {
  const m = /^(.+)-(\d+)\.(\d+)$/.exec(name)
  const base = m?.[1] ?? name.replace(/^(pc-q35|pc-i440fx|virt|pseries|s390-ccw-virtio)-[a-z].*$/, '$1')
  const version = m ? Number(m[2]) * 1_000_000 + Number(m[3]) * 1000 : 0
  return { family: aliases[base] ?? base, version }
}

/**
 * Whether a host that reports these machine types and this QEMU version (0 if unknown) supports the machine type
 * `name`.
 */
export function supportsMachineType(reported: readonly string[], qemuVersion: number, name: string): boolean {
  if (reported.includes(name)) return true
  const { family, version } = parseMachineType(name)
  return reported.includes(family) && (qemuVersion === 0 || version <= qemuVersion)
}
