/** Renders libvirt's statistics of a domain as Nova's libvirt driver does. Pure. */
import type { DomainStatistics } from '../../actions/host-question.ts'
import type { Server } from '../../crds/index.ts'

const numberOf = (statistics: DomainStatistics, name: string): number => Number(statistics[name] ?? 0)

const indexes = (statistics: DomainStatistics, count: string): number[] =>
  Array.from({ length: numberOf(statistics, count) }, (_, index) => index)

/** Up to 2.47: a flat object with the driver's own names. */
export function renderOldDiagnostics(statistics: DomainStatistics): object {
  const of = (name: string): number => numberOf(statistics, name)
  const cpus = indexes(statistics, 'vcpu.current').map((i) => [`cpu${i}_time`, of(`vcpu.${i}.time`)])
  const disks = indexes(statistics, 'block.count').flatMap((i) => {
    const name = String(statistics[`block.${i}.name`])
    return [
      [`${name}_read_req`, of(`block.${i}.rd.reqs`)],
      [`${name}_read`, of(`block.${i}.rd.bytes`)],
      [`${name}_write_req`, of(`block.${i}.wr.reqs`)],
      [`${name}_write`, of(`block.${i}.wr.bytes`)],
      // libvirt counts no errors of QEMU's disks.
      [`${name}_errors`, -1],
    ]
  })
  const interfaces = indexes(statistics, 'net.count').flatMap((i) => {
    const name = String(statistics[`net.${i}.name`])
    return (['rx', 'tx'] as const).flatMap((way) => [
      [`${name}_${way}`, of(`net.${i}.${way}.bytes`)],
      [`${name}_${way}_packets`, of(`net.${i}.${way}.pkts`)],
      [`${name}_${way}_errors`, of(`net.${i}.${way}.errs`)],
      [`${name}_${way}_drop`, of(`net.${i}.${way}.drop`)],
    ])
  })
  return Object.fromEntries([
    ...cpus,
    ...disks,
    ...interfaces,
    ['memory', of('balloon.maximum')],
    ...memoryOf(statistics),
  ])
}

const memoryOf = (statistics: DomainStatistics): [string, number][] =>
  Object.keys(statistics)
    .filter((name) => name.startsWith('balloon.') && name !== 'balloon.maximum')
    .map((name) => [
      name === 'balloon.current' ? 'memory-actual' : name.replace('balloon.', 'memory-'),
      numberOf(statistics, name),
    ])

/** Nova's words for libvirt's VIR_DOMAIN_* states, by number. */
const states = ['pending', 'running', 'running', 'paused', 'shutdown', 'shutdown', 'crashed', 'suspended'] as const

/** Renders the diagnostics since 2.48, which have the same fields for all hypervisor drivers. */
export function renderDiagnostics(
  server: Server,
  statistics: DomainStatistics,
  { now, hypervisor }: { now: Date; hypervisor: string },
): object {
  const { launchedAt, addresses = [] } = server.status ?? {}
  const [disks, interfaces, cpus] = [
    indexes(statistics, 'block.count'),
    indexes(statistics, 'net.count'),
    indexes(statistics, 'vcpu.current'),
  ]
  const of = (name: string): number => numberOf(statistics, name)
  const macs = [...new Set(addresses.map(({ macAddress }) => macAddress))]
  return {
    state: states[of('state.state')] ?? 'pending',
    driver: 'libvirt',
    hypervisor,
    hypervisor_os: 'linux',
    uptime: launchedAt === undefined ? null : Math.floor((now.getTime() - Date.parse(launchedAt)) / 1000),
    config_drive: server.spec.configDrive,
    num_cpus: cpus.length,
    num_nics: interfaces.length,
    num_disks: disks.length,
    disk_details: disks.map((i) => ({
      read_bytes: of(`block.${i}.rd.bytes`),
      read_requests: of(`block.${i}.rd.reqs`),
      write_bytes: of(`block.${i}.wr.bytes`),
      write_requests: of(`block.${i}.wr.reqs`),
      errors_count: -1,
    })),
    cpu_details: cpus.map((id) => ({ id, time: of(`vcpu.${id}.time`), utilisation: null })),
    nic_details: interfaces.map((i) => ({
      mac_address: macs[i] ?? null,
      rx_octets: of(`net.${i}.rx.bytes`),
      rx_errors: of(`net.${i}.rx.errs`),
      rx_drop: of(`net.${i}.rx.drop`),
      rx_packets: of(`net.${i}.rx.pkts`),
      rx_rate: null,
      tx_octets: of(`net.${i}.tx.bytes`),
      tx_errors: of(`net.${i}.tx.errs`),
      tx_drop: of(`net.${i}.tx.drop`),
      tx_packets: of(`net.${i}.tx.pkts`),
      tx_rate: null,
    })),
    memory_details: { maximum: kibToMib(of('balloon.maximum')), used: kibToMib(of('balloon.current')) },
  }
}

const kibToMib = (kib: number): number => Math.floor(kib / 1024)
