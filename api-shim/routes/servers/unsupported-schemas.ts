import { boolean, nonNegativeInteger, objectSchema, oneOf, schemaFrom, stringSchema } from '../../validation/schema.ts'
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

export const createImageBody = objectSchema({ name, metadata }, { required: ['name'] })

export const createBackupBody = objectSchema(
  { name, backup_type: stringSchema(), rotation: nonNegativeInteger, metadata },
  { required: ['name', 'backup_type', 'rotation'] },
)

const uuid = stringSchema({ format: 'uuid' })
const rebuild = {
  name,
  imageRef: uuid,
  adminPass: stringSchema(),
  metadata,
  preserve_ephemeral: boolean,
  'OS-DCF:diskConfig': diskConfig,
  accessIPv4,
  accessIPv6,
}
const personality = schemaFrom({
  type: 'array',
  items: {
    type: 'object',
    properties: { path: { type: 'string' }, contents: { type: 'string', format: 'base64' } },
    additionalProperties: false,
  },
})
const keyName = schemaFrom({ oneOf: [{ type: 'string', minLength: 1, maxLength: 255 }, { type: 'null' }] })
const userData = schemaFrom({ type: ['string', 'null'], format: 'base64', maxLength: 65_535 })
const certificates = schemaFrom({
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
  '2.1': objectSchema({ ...rebuild, personality }, required),
  '2.19': objectSchema({ ...rebuild, personality, description }, required),
  '2.54': objectSchema({ ...rebuild, personality, description, key_name: keyName }, required),
  '2.57': objectSchema(v57, required),
  '2.63': objectSchema(v63, required),
  '2.90': objectSchema({ ...v63, hostname: hostLabel }, required),
  '2.94': objectSchema({ ...v63, hostname: hostName }, required),
}

export const resizeBody = objectSchema({ flavorRef, 'OS-DCF:diskConfig': diskConfig }, { required: ['flavorRef'] })

const fqdn = { pattern: '^[a-zA-Z0-9-._]*$', minLength: 1, maxLength: 255 }
const host = stringSchema(fqdn)
const hostOrNull = schemaFrom<string | null>({ type: ['string', 'null'], ...fqdn })

export const migrateBodies = {
  '2.1': schemaFrom({}),
  '2.56': schemaFrom({ type: ['object', 'null'], properties: { host: hostOrNull }, additionalProperties: false }),
}

const blockMigration = schemaFrom({ ...boolean, enum: [...(boolean['enum'] as readonly unknown[]), 'auto'] })
const live = { block_migration: blockMigration, host: hostOrNull }
const liveRequired = { required: ['block_migration', 'host'] } as const

export const migrateLiveBodies = {
  '2.1': objectSchema(
    { block_migration: boolean, disk_over_commit: boolean, host: hostOrNull },
    { required: ['block_migration', 'disk_over_commit', 'host'] },
  ),
  '2.25': objectSchema(live, liveRequired),
  '2.30': objectSchema({ ...live, force: boolean }, liveRequired),
  '2.68': objectSchema(live, liveRequired),
}

const evacuate = { host, adminPass: stringSchema() }
export const evacuateBodies = {
  '2.1': objectSchema({ host, onSharedStorage: boolean, adminPass: stringSchema() }, { required: ['onSharedStorage'] }),
  '2.14': objectSchema(evacuate),
  '2.29': objectSchema({ ...evacuate, force: boolean }),
  '2.68': objectSchema(evacuate),
}

export const unshelveBodies = {
  '2.1': schemaFrom({}),
  '2.77': schemaFrom({
    type: ['object', 'null'],
    properties: { availability_zone: name },
    required: ['availability_zone'],
    additionalProperties: false,
  }),
  '2.91': schemaFrom({
    type: ['object', 'null'],
    properties: { availability_zone: { type: ['string', 'null'] }, host: { type: 'string' } },
    additionalProperties: false,
  }),
}

export const resetStateBody = objectSchema(
  { state: oneOf(['active', 'error'], { type: 'string' }) },
  { required: ['state'] },
)
