/** The bodies of the actions whose behaviour comes later. */
import { boolean, nonNegativeInteger, object, oneOf, schema, string } from '../../validation/schema.ts'
import {
  accessIPv4,
  accessIPv6,
  description,
  diskConfig,
  flavorRef,
  hostLabel,
  hostName,
  metadata,
  name,
} from './parameters.ts'

export const createImageBody = object({ name, metadata }, { required: ['name'] })

export const createBackupBody = object(
  { name, backup_type: string(), rotation: nonNegativeInteger, metadata },
  { required: ['name', 'backup_type', 'rotation'] },
)

const uuid = string({ format: 'uuid' })
const rebuild = {
  name,
  imageRef: uuid,
  adminPass: string(),
  metadata,
  preserve_ephemeral: boolean,
  'OS-DCF:diskConfig': diskConfig,
  accessIPv4,
  accessIPv6,
}
const personality = schema({
  type: 'array',
  items: {
    type: 'object',
    properties: { path: { type: 'string' }, contents: { type: 'string', format: 'base64' } },
    additionalProperties: false,
  },
})
const keyName = schema({ oneOf: [{ type: 'string', minLength: 1, maxLength: 255 }, { type: 'null' }] })
const userData = schema({ type: ['string', 'null'], format: 'base64', maxLength: 65_535 })
const certificates = schema({
  type: ['array', 'null'],
  minItems: 1,
  maxItems: 50,
  uniqueItems: true,
  items: { type: 'string', minLength: 1 },
})
const required = { required: ['imageRef'] } as const
const v57 = { ...rebuild, description, key_name: keyName, user_data: userData }
const v63 = { ...v57, trusted_image_certificates: certificates }

export const rebuildBodies = {
  '2.1': object({ ...rebuild, personality }, required),
  '2.19': object({ ...rebuild, personality, description }, required),
  '2.54': object({ ...rebuild, personality, description, key_name: keyName }, required),
  '2.57': object(v57, required),
  '2.63': object(v63, required),
  '2.90': object({ ...v63, hostname: hostLabel }, required),
  '2.94': object({ ...v63, hostname: hostName }, required),
}

export const resizeBody = object({ flavorRef, 'OS-DCF:diskConfig': diskConfig }, { required: ['flavorRef'] })

const fqdn = { pattern: '^[a-zA-Z0-9-._]*$', minLength: 1, maxLength: 255 }
const host = string(fqdn)
const hostOrNull = schema<string | null>({ type: ['string', 'null'], ...fqdn })

export const migrateBodies = {
  '2.1': schema({}),
  '2.56': schema({ type: ['object', 'null'], properties: { host: hostOrNull }, additionalProperties: false }),
}

const blockMigration = schema({ ...boolean, enum: [...(boolean['enum'] as readonly unknown[]), 'auto'] })
const live = { block_migration: blockMigration, host: hostOrNull }
const liveRequired = { required: ['block_migration', 'host'] } as const

export const migrateLiveBodies = {
  '2.1': object(
    { block_migration: boolean, disk_over_commit: boolean, host: hostOrNull },
    { required: ['block_migration', 'disk_over_commit', 'host'] },
  ),
  '2.25': object(live, liveRequired),
  '2.30': object({ ...live, force: boolean }, liveRequired),
  '2.68': object(live, liveRequired),
}

const evacuate = { host, adminPass: string() }
export const evacuateBodies = {
  '2.1': object({ host, onSharedStorage: boolean, adminPass: string() }, { required: ['onSharedStorage'] }),
  '2.14': object(evacuate),
  '2.29': object({ ...evacuate, force: boolean }),
  '2.68': object(evacuate),
}

export const unshelveBodies = {
  '2.1': schema({}),
  '2.77': schema({
    type: ['object', 'null'],
    properties: { availability_zone: name },
    required: ['availability_zone'],
    additionalProperties: false,
  }),
  '2.91': schema({
    type: ['object', 'null'],
    properties: { availability_zone: { type: ['string', 'null'] }, host: { type: 'string' } },
    additionalProperties: false,
  }),
}

export const resetStateBody = object({ state: oneOf(['active', 'error'], { type: 'string' }) }, { required: ['state'] })
