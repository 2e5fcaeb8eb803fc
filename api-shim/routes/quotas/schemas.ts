/** Schemas of the requests for quotas. */
import type { ByVersion } from '../../http/microversion.ts'
import { type QuotaResource, quotaResources } from '../../state/quotas.ts'
import {
  boolean,
  objectSchema,
  querySchema,
  quotaLimit,
  repeatedParameter,
  type Schema,
  stringSchema,
} from '../../validation/schema.ts'

const networkResources: readonly QuotaResource[] = [
  'fixed_ips',
  'floating_ips',
  'security_group_rules',
  'security_groups',
]
const fileResources: readonly QuotaResource[] = [
  'injected_files',
  'injected_file_content_bytes',
  'injected_file_path_bytes',
]

/** `force` exists only in a quota set, and skips the check of the usage. */
export type QuotaChange = Partial<Record<QuotaResource, number | string>> & { force?: boolean | string }
export type QuotaSetBody = { quota_set: QuotaChange }
export type QuotaClassBody = { quota_class_set: QuotaChange }

/**
 * The limits in the order of Nova's schema. If several limits are wrong, this order decides which of them is reported.
 */
const order: readonly QuotaResource[] = [
  'instances',
  'cores',
  'ram',
  'floating_ips',
  'fixed_ips',
  'metadata_items',
  'key_pairs',
  'security_groups',
  'security_group_rules',
  'injected_files',
  'injected_file_content_bytes',
  'injected_file_path_bytes',
  'server_groups',
  'server_group_members',
]

function limitsWithout(hidden: readonly QuotaResource[], more: Readonly<Record<string, Schema>> = {}): Schema {
  const shown = order.filter((resource) => !hidden.includes(resource))
  return objectSchema({ ...Object.fromEntries(shown.map((resource) => [resource, quotaLimit])), ...more })
}

const setBody = (hidden: readonly QuotaResource[]): Schema<QuotaSetBody> =>
  objectSchema(
    { quota_set: limitsWithout(hidden, { force: boolean }) },
    { required: ['quota_set'] },
  ) as Schema<QuotaSetBody>
const classBody = (hidden: readonly QuotaResource[]): Schema<QuotaClassBody> =>
  objectSchema({ quota_class_set: limitsWithout(hidden) }, { required: ['quota_class_set'] }) as Schema<QuotaClassBody>

export const updateQuotaSetBody: ByVersion<Schema<QuotaSetBody>> = {
  '2.1': setBody([]),
  '2.36': setBody(networkResources),
  '2.57': setBody([...networkResources, ...fileResources]),
}

export const updateQuotaClassBody: ByVersion<Schema<QuotaClassBody>> = {
  '2.1': classBody([]),
  '2.50': classBody(networkResources),
  '2.57': classBody([...networkResources, ...fileResources]),
}

const userParameter = { user_id: repeatedParameter(stringSchema()) }
export const quotaSetQuery: ByVersion<Schema> = {
  '2.1': querySchema(userParameter),
  '2.75': querySchema(userParameter, { additionalProperties: false }),
}

export const shownInSet = (version: number): QuotaResource[] =>
  quotaResources.filter(
    (resource) =>
      !(version >= 36 && networkResources.includes(resource)) && !(version >= 57 && fileResources.includes(resource)),
  )

/** Nova forgot server groups in quota classes before 2.50. */
export const shownInClass = (version: number): QuotaResource[] =>
  quotaResources.filter((resource) => {
    if (version >= 50 && networkResources.includes(resource)) return false
    if (version >= 57 && fileResources.includes(resource)) return false
    return version >= 50 || !['server_groups', 'server_group_members'].includes(resource)
  })
