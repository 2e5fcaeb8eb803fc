/** Makes the software bills of materials, in CycloneDX's JSON: of the npm packages, and of each image. */
import { createHash } from 'node:crypto'
import { runCommand } from '../../test/rig/process.ts'
import type { DebianPackage } from './image-packages.ts'

interface Component {
  'bom-ref': string
  type: string
  name: string
  version: string
  purl?: string
  properties?: readonly { name: string; value: string }[]
}

export interface Bom {
  serialNumber?: string
  metadata: { timestamp: string; component: Component; [member: string]: unknown }
  components: Component[]
  dependencies?: { ref: string; dependsOn?: string[] }[]
  [member: string]: unknown
}

/** The bill of the npm packages that the programs are bundled from, by npm itself, from package-lock.json. */
export async function createNpmBom(repository: string, date: Date): Promise<Bom> {
  // With `--omit=dev`, npm 11 leaves out production packages that a development package needs as well.
  const what = ['--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application']
  const bom = JSON.parse(await runCommand(['npm', 'sbom', ...what], { cwd: repository })) as Bom
  return normalizeBom(withoutDevelopment(bom), date)
}

/** The bill without the packages that npm marks as those of development. */
export function withoutDevelopment(bom: Bom): Bom {
  const components = bom.components.filter(
    ({ properties = [] }) => !properties.some(({ name }) => name === 'cdx:npm:package:development'),
  )
  const refs = new Set([bom.metadata.component, ...components].map((component) => component['bom-ref']))
  const dependencies = (bom.dependencies ?? [])
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((dependency) => refs.has(dependency)) }))
  return { ...bom, components, dependencies }
}

/** Replaces what npm takes from the clock, from chance and from the name of the folder. */
export function normalizeBom(bom: Bom, date: Date): Bom {
  const component = { ...bom.metadata.component, name: 'kubenova' }
  return numberBom({ ...bom, metadata: { ...bom.metadata, timestamp: date.toISOString(), component } })
}

export interface ImageFacts {
  /** Name of the image, such as `kubenova-agent`. */
  name: string
  version: string
  arch: string
  /** Digest of the image's manifest. */
  digest: string
  packages: readonly DebianPackage[]
  /** The version of Node in the image, such as `24.21.0`. */
  node: string
}

/** The bill of an image: Debian's packages, Node, and the npm packages of the programs. */
export function createImageBom(image: ImageFacts, npm: Bom): Bom {
  const { name, version, arch, digest, packages, node } = image
  const purl = `pkg:oci/${name}@${encodeURIComponent(digest)}?arch=${arch}`
  const { timestamp, tools } = npm.metadata
  const { dependencies: _, ...head } = npm
  return numberBom({
    ...head,
    metadata: { timestamp, tools, component: { 'bom-ref': purl, type: 'container', name, version, purl } },
    components: [...packages.map(toComponent), nodeComponent(node), ...npm.components],
  })
}

function toComponent({ name, version, arch }: DebianPackage): Component {
  const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${arch}&distro=debian-12`
  return { 'bom-ref': purl, type: 'library', name, version, purl }
}

function nodeComponent(version: string): Component {
  const purl = `pkg:generic/node@${version}`
  return { 'bom-ref': purl, type: 'platform', name: 'node', version, purl }
}

/** Gives the bill a serial number that follows from its content. */
function numberBom(numbered: Bom): Bom {
  const { serialNumber: _, ...bom } = numbered
  const hash = createHash('sha256').update(JSON.stringify(bom)).digest('hex')
  const [, a, b, c, d, e] = /^(.{8})(.{4}).(.{3}).(.{3})(.{12})/.exec(hash) ?? []
  // Version 8 of UUIDs is for values that an application makes in a way of its own (RFC 9562).
  return { ...bom, serialNumber: `urn:uuid:${a}-${b}-8${c}-8${d}-${e}` }
}
