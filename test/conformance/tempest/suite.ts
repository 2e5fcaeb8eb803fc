/** tempest's tests of the Compute API, and what they need. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ConformanceCloud, createFlavors, createImages, createNetwork } from '../stestr/clouds.ts'
import type { Suite, SuiteSet } from '../stestr/suite.ts'
import { formatConfiguration } from './configuration.ts'
import { tempestRules } from './rules.ts'

/** The tests in serial_tests change hosts, so they run alone. */
const COMPUTE_TESTS = String.raw`^tempest\.(serial_tests\.)?api\.compute\.`

/** Tests that read what a guest or QEMU has written. */
const ON_LIBVIRT = String.raw`\.ServerDiagnostics(V248)?Test\.|\.test_get_console_output(_with_unlimited_size)?\[|\.test_change_server_password\[`

const NETWORK = 'private'
const flavors = { 1: { vcpus: 1, ram: 128, disk: 1 }, 2: { vcpus: 1, ram: 192, disk: 2 } }

export const tempestRequirements = join(import.meta.dirname, 'requirements.txt')

const suite: Suite = {
  name: 'tempest',
  environment: 'tempest',
  requirements: [tempestRequirements],
  folder: 'tempest/test_discover',
  tests: { simulated: { include: COMPUTE_TESTS, exclude: ON_LIBVIRT }, libvirt: { include: ON_LIBVIRT } },
  // All tests of a class run on one worker, so its set-up runs once.
  groupBy: String.raw`([^\.]*\.)*`,
  workers: 2,
  env: (dir) => ({ TEMPEST_CONFIG_DIR: dir, TEMPEST_CONFIG: 'tempest.conf' }),
}

async function seed(cloud: ConformanceCloud): Promise<(dir: string) => void> {
  const { kube, url, admin } = cloud
  const images = await createImages(cloud, ['guest', 'other'])
  await createFlavors(kube, flavors)
  await createNetwork(kube, NETWORK, { prefix: '10.20', shared: true })
  const configuration = { url, admin, images, flavors: Object.keys(flavors), network: NETWORK }
  return (dir) => {
    const file = join(dir, 'tempest.conf')
    writeFileSync(file, formatConfiguration({ dir, ...configuration }), { mode: 0o600 })
  }
}

export const tempest: SuiteSet = { name: 'tempest', suites: [suite], rules: tempestRules, seed }
