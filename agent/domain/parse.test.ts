import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildDomain } from './build.ts'
import { input } from './examples.ts'
import { bareMarkElement, markElement } from './metadata.ts'
import { parseDomain, parseMark } from './parse.ts'
import { at, readXml } from './read.ts'
import { clean, el, render } from './xml.ts'

/** All that XML can carry, with what must be escaped more often than chance would have it. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom('<', '>', '&', '"', "'", ']]>', '&amp;', '\n', '\t', '\r', '😀', '\u0085'),
      fc.string({ unit: 'binary' }),
    ),
  )
  .map((parts) => clean(parts.join('')))

describe('what was written is read', () => {
  test('text and attributes, any characters', () => {
    fc.assert(
      fc.property(hostile, hostile, (text, attribute) => {
        const node = readXml(render(el('a', { x: attribute }, el('b', {}, text))), 'test')
        expect([node.attributes['x'], at(node, 'b')?.text]).toEqual([attribute, text])
      }),
    )
  })

  test('the mark in a domain, and alone', () => {
    const name = hostile.filter((s) => s !== '')
    const boot = fc.option(hostile, { nil: undefined })
    fc.assert(
      fc.property(
        name,
        name,
        name,
        fc.option(fc.nat(), { nil: undefined }),
        boot,
        (namespace, name, uid, generation, boot) => {
          const mark = {
            namespace,
            name,
            uid,
            ...(generation !== undefined && { generation }),
            ...(boot !== undefined && { boot }),
          }
          const base = input()
          expect(parseDomain(buildDomain({ ...base, guest: { ...base.guest, mark } })).mark).toEqual(mark)
          expect(parseMark(render(markElement(mark)))).toEqual(mark)
          expect(parseMark(render(bareMarkElement(mark)))).toEqual(mark)
        },
      ),
      { numRuns: 50 },
    )
  })

  test('any title leaves a domain that can be read, without control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (title) => {
        const base = input()
        const facts = parseDomain(buildDomain({ ...base, guest: { ...base.guest, title, description: title } }))
        expect(facts.name).toBe(base.guest.name)
        // oxlint-disable-next-line no-control-regex
        expect(facts.title ?? '').not.toMatch(/[\u0000-\u001f]/)
      }),
      { numRuns: 50 },
    )
  })
})

describe('what is no document of ours', () => {
  const bomb = `<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><domain type='kvm'><name>&b;</name></domain>`
  const cases = [
    ['DOCTYPE', bomb, /DOCTYPE/],
    ['doctype, small', '<!doctype x><domain/>', /DOCTYPE/],
    ['unknown entity', '<domain><name>&x;</name></domain>', /unknown entity &x;/],
    ['character beyond Unicode', '<domain><name>&#x110000;</name></domain>', /unknown entity/],
    ['half a document', '<domain><name>', /./],
    ['two roots', '<a/><b/>', /./],
    ['nothing', '', /./],
    ['too deep', `${'<a>'.repeat(100)}${'</a>'.repeat(100)}`, /./],
    ['too long', `<a>${' '.repeat(4 * 1024 * 1024)}</a>`, /characters long/],
    ['prototype', '<domain><__proto__>1</__proto__></domain>', /./],
    ['no name', "<domain type='kvm'><uuid>x</uuid></domain>", /name is missing/],
  ] as const
  test.each(cases)('%s', (_, xml, message) => {
    expect(() => parseDomain(xml)).toThrow(
      expect.objectContaining({ code: 'InvalidXML', message: expect.stringMatching(message) }),
    )
  })
})

describe('marks that are not ours', () => {
  const domain = (metadata: string) =>
    `<domain type='kvm' id='7'><name>x</name><uuid>U</uuid><memory>1048576</memory><metadata>${metadata}</metadata></domain>`
  const OURS = 'https://kubenova.io/domain/1'
  test.each([
    ['another namespace', `<kubenova:domain xmlns:kubenova="https://example.com" namespace="a" name="b" uid="c"/>`],
    ['no uid', `<k:domain xmlns:k="${OURS}" namespace="a" name="b"/>`],
    ['none', ''],
    ['another element', `<k:thing xmlns:k="${OURS}" namespace="a" name="b" uid="c"/>`],
  ])('%s', (_, metadata) => expect(parseDomain(domain(metadata)).mark).toBeUndefined())

  test.each([
    ['other prefix', `<k:domain xmlns:k="${OURS}" namespace="a" name="b" uid="c" generation="x"/>`],
    ['no prefix', `<domain xmlns="${OURS}" namespace="a" name="b" uid="c"/>`],
  ])('ours with %s', (_, metadata) => {
    expect(parseDomain(domain(metadata))).toMatchObject({
      id: 7,
      uuid: 'u',
      ram: 1024,
      mark: { namespace: 'a', name: 'b', uid: 'c' },
    })
  })
})

test('a running domain: PTY, port, tap', () => {
  const facts =
    parseDomain(`<domain type='qemu' id='3'><name>x</name><uuid>u</uuid><memory unit='GiB'>2</memory><vcpu>4</vcpu><devices>
    <disk type='network' device='disk'><source protocol='rbd' name='p/i'/><target dev='vda' bus='virtio'/></disk>
    <disk type='block' device='disk'><driver type='raw'/><source dev='/dev/sdx'/><target dev='vdb'/></disk>
    <interface type='bridge'><mac address='FA:16:3E:00:00:01'/><source bridge='br0'/><target dev='vnet0'/></interface>
    <serial type='pty'><source path='/dev/pts/5'/><log file='/c.log' append='on'/><target port='0'/></serial>
    <graphics type='vnc' port='5901' listen='127.0.0.1'><listen type='address' address='127.0.0.1'/></graphics>
    <graphics type='spice' port='-1'/></devices></domain>`)
  expect(facts).toEqual({
    type: 'qemu',
    name: 'x',
    uuid: 'u',
    id: 3,
    vcpus: 4,
    ram: 2048,
    disks: [
      { device: 'disk', target: 'vda', bus: 'virtio' },
      { device: 'disk', source: '/dev/sdx', target: 'vdb', format: 'raw' },
    ],
    interfaces: [{ mac: 'fa:16:3e:00:00:01', tap: 'vnet0', bridge: 'br0' }],
    consoleLog: '/c.log',
    pty: '/dev/pts/5',
    graphics: [{ type: 'vnc', port: 5901, address: '127.0.0.1' }, { type: 'spice' }],
  })
})
