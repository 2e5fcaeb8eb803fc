/**
 * Command lines for each command of novaclient. Before each line, the project has one server, `web`, in the state
 * `from`. run-commands.ts replaces the words in braces by IDs.
 */
import type { VmState } from '../../../crds/index.ts'

export interface CommandLine {
  line: string
  /** Whether an administrator runs it; otherwise a member does. */
  admin?: true
  /** Default: `active`. */
  from?: VmState
}

const member = (...lines: string[]): CommandLine[] => lines.map((line) => ({ line }))
const admin = (...lines: string[]): CommandLine[] => lines.map((line) => ({ line, admin: true }))
const from = (state: VmState, line: string): CommandLine => ({ line, from: state })

const servers: readonly CommandLine[] = [
  ...member(
    'boot --flavor tiny --image tiny --nic none --meta a=b --key-name demo made',
    'list',
    'show web',
    'update --name renamed web',
    'meta web set a=b',
    'delete web',
    'force-delete web',
    'ssh --address-type fixed --network private web',
    'list-secgroup web',
    'add-secgroup web default',
    'remove-secgroup web default',
    'instance-action-list web',
    'instance-action web {request}',
    'server-tag-add web blue',
    'server-tag-list web',
    'server-tag-set web green',
    'server-tag-delete web blue',
    'server-tag-delete-all web',
    'interface-list web',
    'interface-attach --net-id {network} web',
    'interface-detach web {port}',
    'get-password web',
    'clear-password web',
    'console-log web',
    'volume-attachments web',
    'volume-attach web {volume}',
    'volume-detach web {volume}',
    'volume-update web {volume} {volume}',
  ),
  ...admin('diagnostics web', 'reset-network web', 'refresh-network web'),
]

const consoles = member(
  'get-vnc-console web novnc',
  'get-spice-console web spice-html5',
  'get-serial-console web',
  'get-rdp-console web rdp-html5',
  'get-mks-console web',
)

const actions: readonly CommandLine[] = [
  ...member(
    'stop web',
    'pause web',
    'suspend web',
    'reboot web',
    'reboot --hard web',
    'rescue web',
    'lock --reason work web',
    'unlock web',
    'trigger-crash-dump web',
    'set-password web',
    'rebuild web tiny',
    'image-create web picture',
    'backup web picture daily 1',
    'resize web small',
    'shelve web',
  ),
  from('stopped', 'start web'),
  from('paused', 'unpause web'),
  from('suspended', 'resume web'),
  from('rescued', 'unrescue web'),
  from('resized', 'resize-confirm web'),
  from('resized', 'resize-revert web'),
  from('shelved', 'unshelve web'),
  from('soft-delete', 'restore web'),
  { line: 'shelve-offload web', admin: true, from: 'shelved' },
  ...admin('reset-state --active web'),
]

const moves = admin(
  'migrate web',
  'live-migration web',
  'live-migration-abort web 1',
  'live-migration-force-complete web 1',
  'evacuate web',
  'migration-list',
  'server-migration-list web',
  'server-migration-show web 1',
  'host-evacuate --strict host-1',
  'host-evacuate-live --strict host-1',
  'host-servers-migrate --strict host-1',
  'host-meta --strict host-1 set a=b',
)

const catalogue: readonly CommandLine[] = [
  ...member('flavor-list', 'flavor-show tiny', 'keypair-add --pub-key {key file} mine', 'keypair-list'),
  ...member('keypair-show mine', 'keypair-delete mine'),
  ...admin(
    'flavor-create --is-public false new new-1 512 1 1',
    'flavor-update new text',
    'flavor-key new set hw:cpu_policy=shared',
    'flavor-access-add new {project}',
    'flavor-access-list --flavor new',
    'flavor-access-remove new {project}',
    'flavor-delete new',
  ),
]

const projects: readonly CommandLine[] = [
  ...member('limits', 'quota-show', 'quota-defaults', 'usage', 'server-group-list', 'server-group-create one affinity'),
  ...member('server-group-get {group}', 'server-group-delete {group}'),
  ...admin(
    'usage-list',
    'quota-update {project} --instances 20',
    'quota-delete --tenant {project}',
    'quota-class-show default',
    'quota-class-update default --instances 20',
  ),
]

const hosts: readonly CommandLine[] = [
  ...member('availability-zone-list'),
  ...admin(
    'hypervisor-list',
    'hypervisor-show {host}',
    'hypervisor-servers host-1',
    '--os-compute-api-version 2.87 hypervisor-stats',
    '--os-compute-api-version 2.87 hypervisor-uptime {host}',
    'service-list',
    'service-disable --reason work {host}',
    'service-enable {host}',
    'service-force-down {other host}',
    'service-force-down --unset {other host}',
    'service-delete {other host}',
    'aggregate-create rack rack-zone',
    'aggregate-list',
    'aggregate-show rack',
    'aggregate-update --name shelf rack',
    'aggregate-set-metadata shelf ssd=true',
    'aggregate-add-host shelf {free host}',
    'aggregate-remove-host shelf {free host}',
    'aggregate-delete shelf',
    'agent-list',
    'agent-create linux x86_64 1 http://agents.test/1 0123456789abcdef qemu',
    'agent-modify 1 2 http://agents.test/2 0123456789abcdef',
    'agent-delete 1',
  ),
]

const client = member('version-list', 'bash-completion', 'help')

export const commandLines: readonly CommandLine[] = [
  ...servers,
  ...consoles,
  ...actions,
  ...moves,
  ...catalogue,
  ...projects,
  ...hosts,
  ...client,
]

/** The first word that is neither an option of novaclient nor an option's value. */
export const commandOf = ({ line }: Pick<CommandLine, 'line'>): string =>
  line.replace(/^(--\S+ \S+ )*/, '').split(' ')[0] ?? ''
