import { expect, it } from 'vitest'
import { parsePackages } from './image-packages.ts'
import { type Bom, createImageBom, normalizeBom, withoutDevelopment } from './sbom.ts'

const component = (name: string, properties: { name: string; value: string }[] = []) => ({
  'bom-ref': `${name}@1.0.0`,
  type: 'library',
  name,
  version: '1.0.0',
  properties,
})

const bom: Bom = {
  bomFormat: 'CycloneDX',
  serialNumber: 'urn:uuid:ad9c60d2-acad-42f3-9347-aadeccc2ba78',
  metadata: { timestamp: '2026-11-28T20:21:53.690Z', component: component('some-folder') },
  components: [
    component('ajv'),
    component('vitest', [{ name: 'cdx:npm:package:development', value: 'true' }]),
    component('uri'),
  ],
  dependencies: [
    { ref: 'some-folder@1.0.0', dependsOn: ['ajv@1.0.0', 'vitest@1.0.0'] },
    { ref: 'ajv@1.0.0', dependsOn: ['uri@1.0.0'] },
    { ref: 'vitest@1.0.0', dependsOn: ['ajv@1.0.0'] },
  ],
}

it('leaves out the packages of development', () => {
  const production = withoutDevelopment(bom)
  expect(production.components.map(({ name }) => name)).toEqual(['ajv', 'uri'])
  expect(production.dependencies).toEqual([
    { ref: 'some-folder@1.0.0', dependsOn: ['ajv@1.0.0'] },
    { ref: 'ajv@1.0.0', dependsOn: ['uri@1.0.0'] },
  ])
})

it('depends on neither the clock, the folder nor chance', () => {
  const other = {
    ...bom,
    serialNumber: 'urn:uuid:00000000-0000-4000-8000-000000000000',
    metadata: { timestamp: '2027-01-01T00:00:00Z', component: { ...component('some-folder'), name: 'other' } },
  }
  const normalized = normalizeBom(bom, new Date(0))
  expect(normalizeBom(other, new Date(0))).toEqual(normalized)
  expect(normalized.metadata).toMatchObject({ timestamp: '1970-01-01T00:00:00.000Z', component: { name: 'kubenova' } })
  expect(normalized.serialNumber).toMatch(/^urn:uuid:[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}$/)
  expect(normalizeBom(bom, new Date(1)).serialNumber).not.toBe(normalized.serialNumber)
})

const status = `Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Version: 2.36-9+deb12u13
Depends: libgcc-s1
Description: GNU C Library
 Contains the standard libraries.

Package: removed
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: adduser
Architecture: all
Version: 3.134
`

it('reads the packages of an image, without those that were removed', () => {
  expect(parsePackages(status)).toEqual([
    { name: 'adduser', version: '3.134', arch: 'all' },
    { name: 'libc6', version: '2.36-9+deb12u13', arch: 'amd64' },
  ])
})

it('lists the packages of Debian and npm, and Node, in the bill of an image', () => {
  const image = createImageBom(
    {
      name: 'kubenova-agent',
      version: '0.2.0',
      arch: 'arm64',
      digest: 'sha256:0a1b',
      packages: parsePackages(status),
      node: '24.21.0',
    },
    withoutDevelopment(bom),
  )
  expect(image.metadata.component).toMatchObject({
    type: 'container',
    purl: 'pkg:oci/kubenova-agent@sha256%3A0a1b?arch=arm64',
  })
  expect(image.components.map((c) => c.purl ?? c.name)).toEqual([
    'pkg:deb/debian/adduser@3.134?arch=all&distro=debian-12',
    'pkg:deb/debian/libc6@2.36-9%2Bdeb12u13?arch=amd64&distro=debian-12',
    'pkg:generic/node@24.21.0',
    'ajv',
    'uri',
  ])
})
