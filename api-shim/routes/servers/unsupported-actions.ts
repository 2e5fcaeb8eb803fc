/**
 * Actions that are not implemented yet. Each makes Nova's checks, then answers as Nova does where the hypervisor driver
 * cannot do it. docs/nova-api.md lists them.
 */
import { type Server, type VmState, vmStates } from '../../../crds/index.ts'
import { newNotImplemented } from '../../http/fault.ts'
import type { ByVersion } from '../../http/microversion.ts'
import type { Role } from '../../identity/caller.ts'
import type { Schema } from '../../validation/schema.ts'
import { objectSchema, schemaFrom } from '../../validation/schema.ts'
import { defineRoute, type Route, type RouteRequest } from '../route.ts'
import { checkState } from './action-state.ts'
import { findServer } from './find.ts'
import {
  authorizeHost,
  checkEvacuationTarget,
  checkFlavor,
  checkImage,
  checkSourceIsDown,
  checkTargetHost,
} from './unsupported-checks.ts'
import {
  createBackupBody,
  createImageBody,
  evacuateBodies,
  migrateBodies,
  migrateLiveBodies,
  rebuildBodies,
  resetStateBody,
  resizeBody,
  unshelveBodies,
} from './unsupported-schemas.ts'

type Request = RouteRequest<Record<string, unknown>>

interface UnsupportedAction {
  key: string
  rule: string
  role: Role
  /** The schema of the value by the first microversion that it applies to. Absent: anything. */
  value?: ByVersion<Schema>
  from: readonly VmState[]
  whileBusy?: true
  unlaunched?: true
  ignoresLock?: true
  hidesLock?: true
  /** Nova makes the checks of `before` ahead of the check of the state, and those of `check` after it. */
  before?(server: Server, value: unknown, request: Request): Promise<void>
  check?(server: Server, value: unknown, request: Request): Promise<void>
}

const snapshotable = ['active', 'stopped', 'paused', 'suspended'] as const
const servers = (operation: string): string => `os_compute_api:servers:${operation}`
const shelving = (operation: string): string => `os_compute_api:os-shelve:${operation}`
const moving = (operation: string): string => `os_compute_api:os-migrate-server:${operation}`

const table: readonly UnsupportedAction[] = [
  {
    key: 'createImage',
    rule: servers('create_image'),
    role: 'member',
    value: { '2.1': createImageBody },
    from: snapshotable,
    ignoresLock: true,
  },
  {
    key: 'createBackup',
    rule: 'os_compute_api:os-create-backup',
    role: 'member',
    value: { '2.1': createBackupBody },
    from: snapshotable,
    ignoresLock: true,
  },
  {
    key: 'rebuild',
    rule: servers('rebuild'),
    role: 'member',
    value: rebuildBodies,
    from: ['active', 'stopped', 'error'],
    check: checkImage,
  },
  {
    key: 'resize',
    rule: servers('resize'),
    role: 'member',
    value: { '2.1': resizeBody },
    from: ['active', 'stopped'],
    check: checkFlavor,
  },
  { key: 'confirmResize', rule: servers('confirm_resize'), role: 'member', from: ['resized'] },
  { key: 'revertResize', rule: servers('revert_resize'), role: 'member', from: ['resized'] },
  {
    key: 'migrate',
    rule: moving('migrate'),
    role: 'manager',
    value: migrateBodies,
    from: ['active', 'stopped'],
    before: authorizeHost(moving('migrate:host')),
    check: checkTargetHost,
  },
  {
    key: 'os-migrateLive',
    rule: moving('migrate_live'),
    role: 'manager',
    value: migrateLiveBodies,
    from: ['active', 'paused'],
    before: authorizeHost(moving('migrate_live:host')),
    check: checkTargetHost,
  },
  {
    key: 'evacuate',
    rule: 'os_compute_api:os-evacuate',
    role: 'admin',
    value: evacuateBodies,
    from: ['active', 'stopped', 'error'],
    whileBusy: true,
    ignoresLock: true,
    before: checkEvacuationTarget,
    check: checkSourceIsDown,
  },
  { key: 'shelve', rule: shelving('shelve'), role: 'member', from: snapshotable },
  { key: 'shelveOffload', rule: shelving('shelve_offload'), role: 'admin', from: ['shelved'] },
  {
    key: 'unshelve',
    rule: shelving('unshelve'),
    role: 'member',
    value: unshelveBodies,
    from: ['shelved', 'shelved_offloaded'],
  },
  {
    key: 'restore',
    rule: 'os_compute_api:os-deferred-delete:restore',
    role: 'member',
    from: ['soft-delete'],
    hidesLock: true,
  },
  {
    key: 'os-resetState',
    rule: 'os_compute_api:os-admin-actions:reset_state',
    role: 'admin',
    value: { '2.1': resetStateBody },
    from: vmStates,
    whileBusy: true,
    unlaunched: true,
    ignoresLock: true,
  },
]

const bodiesOf = (key: string, values: ByVersion<Schema>): ByVersion<Schema> =>
  Object.fromEntries(
    Object.entries(values as Readonly<Record<string, Schema>>).map(([version, value]) => [
      version,
      objectSchema({ [key]: value }, { required: [key] }),
    ]),
  )

const routeOf = ({ key, rule, role, value, from, before, check, ...flags }: UnsupportedAction): Route =>
  defineRoute<Record<string, unknown>>({
    name: `servers:${key}`,
    method: 'POST',
    path: '/servers/{server_id}/action',
    action: key,
    success: 202,
    policy: { rule, role, inHandler: true },
    body: bodiesOf(key, value ?? { '2.1': schemaFrom({}) }),
    async handle(request) {
      const server = await findServer(request)
      request.authorize()
      await before?.(server, request.body[key], request)
      checkState(server, { name: key, from, ...flags }, request)
      await check?.(server, request.body[key], request)
      throw newNotImplemented('The requested functionality is not supported.')
    },
  })

export const unsupportedActions: readonly Route[] = table.map(routeOf)
