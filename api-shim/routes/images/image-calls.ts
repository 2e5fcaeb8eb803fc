/** Calls of the Image API, for tests. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Image } from '../../../crds/index.ts'
import type { Answer, TestShim } from '../../testing.ts'

export interface Glance {
  id: string
  name: string
  status: string
  [name: string]: unknown
}

export const data = Buffer.from('the bytes of a disk')
export const octets = { 'content-type': 'application/octet-stream' }
const patchType = { 'content-type': 'application/openstack-images-v2.1-json-patch' }

/** @param shim returns the shim of the running test */
export function imageCalls(shim: () => TestShim) {
  return {
    async create(body: object = {}, as = 'member'): Promise<Glance> {
      const draft = { name: 'cirros', disk_format: 'qcow2', container_format: 'bare', ...body }
      const answer = await shim().ask<Glance>('POST', '/image/v2/images', { body: draft, as })
      expect(answer.status).toBe(201)
      return answer.body
    },
    upload: (id: string, body: Buffer = data, as = 'member'): Promise<Answer<{ message?: string }>> =>
      shim().ask('PUT', `/image/v2/images/${id}/file`, { body, headers: octets, as }),
    show: (id: string, as = 'member'): Promise<Answer<Glance>> => shim().ask('GET', `/image/v2/images/${id}`, { as }),
    patch: (id: string, body: unknown, as = 'member'): Promise<Answer<Glance>> =>
      shim().ask('PATCH', `/image/v2/images/${id}`, { body, headers: patchType, as }),
    /** The Images in the API server. */
    stored: (): Image[] => shim().api.list<Image>('images'),
    filesIn: (folder: string): string[] => readdirSync(join(shim().imageDir, folder)),
  }
}
