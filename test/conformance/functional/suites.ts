/** The functional tests for compute of openstacksdk and of python-openstackclient, and what they need. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { clientRequirements } from '../../rig/openstack-clients.ts'
import { type ConformanceCloud, createFlavors, createImages, createNetwork } from '../stestr/clouds.ts'
import type { Suite, SuiteSet } from '../stestr/suite.ts'
import { tempestRequirements } from '../tempest/suite.ts'
import { createClouds } from './accounts.ts'
import { functionalRules } from './rules.ts'

/** Those of devstack, which the tests know. */
const flavors = {
  'm1.tiny': { vcpus: 1, ram: 512, disk: 1 },
  'm1.small': { vcpus: 1, ram: 2048, disk: 20 },
  'm1.medium': { vcpus: 2, ram: 4096, disk: 40 },
  'm1.large': { vcpus: 4, ram: 8192, disk: 80 },
  'm1.xlarge': { vcpus: 8, ram: 16_384, disk: 160 },
}
/** The tests of openstackclient find the image by the beginning and the end of its name. */
const IMAGE = 'cirros-guest-disk'
const NETWORK = 'private'
/** The tests attach it to servers that run. Servers cannot be created on it, except by an administrator. */
const OTHER_NETWORK = 'public'

const environment = {
  environment: 'functional-tests',
  requirements: [clientRequirements, tempestRequirements, join(import.meta.dirname, 'requirements.txt')],
}

const openstacksdk = {
  ...environment,
  // Tests create networks in the project in which others leave the choice of the network to Nova.
  workers: 1,
  env: () => ({
    OPENSTACKSDK_FLAVOR: 'm1.tiny',
    OPENSTACKSDK_IMAGE: IMAGE,
    OS_TEST_TIMEOUT: '600',
    OS_LOG_CAPTURE: 'true',
    OS_STDOUT_CAPTURE: 'true',
    OS_STDERR_CAPTURE: 'true',
  }),
}

const sdkCompute: Suite = {
  ...openstacksdk,
  name: 'openstacksdk-compute',
  folder: 'openstack/tests/functional/compute',
  tests: { simulated: { include: '.' } },
}

/** Tests that read the output of the console. */
const CLOUD_ON_LIBVIRT = String.raw`\.test_compute\..*\.test_get_server_console(_name_or_id)?$`

/** The folder also has tests of other services. */
const sdkCloud: Suite = {
  ...openstacksdk,
  name: 'openstacksdk-cloud',
  folder: 'openstack/tests/functional/cloud',
  tests: {
    simulated: { include: String.raw`\.test_compute\.`, exclude: CLOUD_ON_LIBVIRT },
    libvirt: { include: CLOUD_ON_LIBVIRT },
  },
}

/** It reads diagnostics. */
const CLIENT_ON_LIBVIRT = String.raw`\.ServerTests\.test_server_show$`

const openstackclient: Suite = {
  ...environment,
  name: 'python-openstackclient',
  folder: 'openstackclient/tests/functional/compute',
  tests: {
    simulated: { include: '.', exclude: CLIENT_ON_LIBVIRT },
    libvirt: { include: CLIENT_ON_LIBVIRT },
  },
  // Several tests of these classes create an object of the same name.
  groupBy: String.raw`.*\.(Flavor|Keypair)Tests\.`,
  workers: 2,
  env: () => ({}),
}

async function seed(cloud: ConformanceCloud): Promise<(dir: string) => void> {
  const { kube } = cloud
  await createImages(cloud, [IMAGE])
  await createFlavors(kube, flavors)
  await createNetwork(kube, NETWORK, { prefix: '10.20', shared: true })
  await createNetwork(kube, OTHER_NETWORK, { prefix: '10.21', shared: false })
  const clouds = await createClouds(cloud)
  // Both clients find the file in the directory in which they run.
  return (dir) => writeFileSync(join(dir, 'clouds.yaml'), clouds, { mode: 0o600 })
}

export const functional: SuiteSet = {
  name: 'functional',
  // openstacksdk leaves a key pair of an administrator behind, which openstackclient would list.
  suites: [openstackclient, sdkCompute, sdkCloud],
  rules: functionalRules,
  seed,
}
