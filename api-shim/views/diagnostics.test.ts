import { expect, test } from 'vitest'
import type { Server } from '../../crds/index.ts'
import { renderDiagnostics, renderOldDiagnostics } from './diagnostics.ts'

const statistics = {
  'state.state': 1,
  'vcpu.current': 1,
  'vcpu.0.time': 5_000_000,
  'balloon.current': 131_072,
  'balloon.maximum': 262_144,
  'balloon.rss': 90_000,
  'net.count': 1,
  'net.0.name': 'tap1',
  'net.0.rx.bytes': 10,
  'net.0.rx.pkts': 2,
  'net.0.tx.bytes': 20,
  'net.0.tx.drop': 1,
  'block.count': 1,
  'block.0.name': 'vda',
  'block.0.rd.reqs': 3,
  'block.0.rd.bytes': 1536,
  'block.0.wr.reqs': 4,
  'block.0.wr.bytes': 2048,
}

test("renderOldDiagnostics has the libvirt driver's names", () => {
  expect(renderOldDiagnostics(statistics)).toEqual({
    cpu0_time: 5_000_000,
    vda_read_req: 3,
    vda_read: 1536,
    vda_write_req: 4,
    vda_write: 2048,
    vda_errors: -1,
    tap1_rx: 10,
    tap1_rx_packets: 2,
    tap1_rx_errors: 0,
    tap1_rx_drop: 0,
    tap1_tx: 20,
    tap1_tx_packets: 0,
    tap1_tx_errors: 0,
    tap1_tx_drop: 1,
    memory: 262_144,
    'memory-actual': 131_072,
    'memory-rss': 90_000,
  })
})

test('renderDiagnostics has the same names for all drivers', () => {
  const server = {
    spec: { configDrive: true },
    status: {
      launchedAt: '2026-01-01T00:00:00Z',
      addresses: [
        { address: '10.0.0.2', macAddress: 'fa:16:3e:00:00:01' },
        { address: 'fd00::2', macAddress: 'fa:16:3e:00:00:01' },
      ],
    },
  } as unknown as Server
  const context = { now: new Date('2026-01-01T00:01:00.900Z'), hypervisor: 'qemu' }
  expect(renderDiagnostics(server, statistics, context)).toEqual({
    state: 'running',
    driver: 'libvirt',
    hypervisor: 'qemu',
    hypervisor_os: 'linux',
    uptime: 60,
    config_drive: true,
    num_cpus: 1,
    num_nics: 1,
    num_disks: 1,
    disk_details: [{ read_bytes: 1536, read_requests: 3, write_bytes: 2048, write_requests: 4, errors_count: -1 }],
    cpu_details: [{ id: 0, time: 5_000_000, utilisation: null }],
    nic_details: [
      {
        mac_address: 'fa:16:3e:00:00:01',
        rx_octets: 10,
        rx_errors: 0,
        rx_drop: 0,
        rx_packets: 2,
        rx_rate: null,
        tx_octets: 20,
        tx_errors: 0,
        tx_drop: 1,
        tx_packets: 0,
        tx_rate: null,
      },
    ],
    memory_details: { maximum: 256, used: 128 },
  })
})
