import { describe, expect, it } from 'vitest'
import { type Reason, reasonGroups, reasonOf, reasons, reasonTable } from './index.ts'

describe('reasonTable', () => {
  it.each(Object.entries(reasonTable))('%s has whole sentences and a status that Nova answers with', (_, facts) => {
    expect(facts.meaning).toMatch(/^([A-Z`]|libvirt).*[.]$/)
    expect(facts.whatToDo).toMatch(/^[A-Z`[].*[.)]$/)
    expect([200, 202, 204, 400, 403, 404, 409, 500, 503]).toContain(facts.httpStatus)
  })

  it.each<[Reason, number]>([
    ['ServerNotFound', 404],
    ['ActionUnderWay', 409],
    ['InvalidState', 409],
    ['ServerLocked', 409],
    ['InvalidParameters', 400],
    ['FlavorNotFound', 400],
    ['NetworkNotAllowed', 403],
    ['NoValidHost', 500],
    ['LibvirtUnreachable', 503],
    ['Accepted', 202],
  ])('answers a request that meets %s with %i', (reason, status) => {
    expect(reasonTable[reason].httpStatus).toBe(status)
  })

  it('has each reason in one group', () => {
    const grouped = reasonGroups.flatMap(([, group]) => Object.keys(group))
    expect(grouped.toSorted()).toEqual(reasons.toSorted())
  })
})

it('reasonOf returns Unexpected for a word that is no reason', () => {
  expect(['DiskFull', 'Strange', undefined].map(reasonOf)).toEqual(['DiskFull', 'Unexpected', 'Unexpected'])
})
