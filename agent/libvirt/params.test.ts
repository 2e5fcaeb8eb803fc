import { describe, expect, it } from 'vitest'
import { fromParams, migrateParams, toParams } from './params.ts'
import type { TypedParam } from './protocol/common.ts'

describe('typed parameters', () => {
  it('toParams types each value by the table, repeats list items and leaves out undefined values', () => {
    expect(
      toParams(migrateParams, { migrate_disks: ['vda', 'vdb'], bandwidth: 10n, migrate_uri: undefined, disks_port: 1 }),
    ).toEqual([
      { field: 'migrate_disks', value: { type: 'string', value: 'vda' } },
      { field: 'migrate_disks', value: { type: 'string', value: 'vdb' } },
      { field: 'bandwidth', value: { type: 'ullong', value: 10n } },
      { field: 'disks_port', value: { type: 'int', value: 1 } },
    ])
  })

  it('fromParams keeps the last value of a repeated name', () => {
    const params: TypedParam[] = [
      { field: 'a', value: { type: 'ullong', value: 1n } },
      { field: 'b', value: { type: 'string', value: 'x' } },
      { field: 'b', value: { type: 'string', value: 'y' } },
    ]
    expect(fromParams(params)).toEqual({ a: 1n, b: 'y' })
  })
})
