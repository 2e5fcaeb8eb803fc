/** Schemas that the requests about hosts share. */
import { stringSchema } from '../../validation/schema.ts'

/** The name of a host. */
export const fqdn = stringSchema({ pattern: '^[a-zA-Z0-9-._]*$', minLength: 1, maxLength: 255 })
