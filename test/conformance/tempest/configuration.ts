/** Writes tempest.conf. A feature is on if the registry has the actions behind it, or the shim serves it. */
import { isActionName } from '../../../actions/index.ts'
import { filters } from '../../../controller/scheduler/filters.ts'
import type { ShimUser } from '../../rig/shim.ts'

interface Configuration {
  /** Directory of the locks and of the log. */
  dir: string
  /** The address of the shim. */
  url: string
  /** Creates the projects and users of the tests. */
  admin: ShimUser
  images: readonly string[]
  flavors: readonly string[]
  network: string
}

type Section = Readonly<Record<string, string | number | boolean>>

/** Absent: tempest's default, which is on for `disk_config`, `config_drive` and `ide_bus`. */
export const features: Section = {
  pause: hasActions('pause', 'unpause'),
  suspend: hasActions('suspend', 'resume'),
  rescue: hasActions('rescue', 'unrescue'),
  change_password: hasActions('changePassword'),
  resize: hasActions('resize', 'confirmResize', 'revertResize'),
  cold_migration: hasActions('migrate'),
  live_migration: hasActions('os-migrateLive'),
  shelve: hasActions('shelve', 'unshelve'),
  snapshot: hasActions('createImage'),
  interface_attach: false,
  metadata_service: false,
  attach_encrypted_volume: false,
  personality: true,
  stable_rescue: false,
  vnc_console: false,
  spice_console: false,
  serial_console: false,
  scheduler_enabled_filters: Object.keys(filters).join(','),
  swap_volume: false,
  volume_multiattach: false,
}

function hasActions(...names: string[]): boolean {
  return names.every(isActionName)
}

const sectionsOf = ({ dir, url, admin, images, flavors, network }: Configuration): Record<string, Section> => ({
  DEFAULT: { log_file: `${dir}/tempest.log` },
  oslo_concurrency: { lock_path: `${dir}/locks` },
  auth: {
    use_dynamic_credentials: true,
    create_isolated_networks: false,
    admin_username: admin.name,
    admin_password: admin.password,
    admin_project_name: admin.project,
    admin_domain_name: 'Default',
  },
  identity: { auth_version: 'v3', uri_v3: `${url}/identity/v3`, region: 'RegionOne' },
  service_available: { nova: true, glance: true, neutron: true, cinder: false, swift: false, horizon: false },
  compute: {
    image_ref: images[0] ?? '',
    image_ref_alt: images[1] ?? '',
    flavor_ref: flavors[0] ?? '',
    flavor_ref_alt: flavors[1] ?? '',
    fixed_network_name: network,
    min_microversion: '2.1',
    max_microversion: 'latest',
    min_compute_nodes: 2,
    build_timeout: 120,
  },
  'compute-feature-enabled': features,
  'network-feature-enabled': { floating_ips: false },
  validation: { run_validation: false },
})

export const formatConfiguration = (configuration: Configuration): string =>
  Object.entries(sectionsOf(configuration))
    .map(([name, section]) => `[${name}]\n${formatSection(section)}`)
    .join('\n')

const formatSection = (section: Section): string =>
  Object.entries(section)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('')
