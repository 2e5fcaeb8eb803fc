/** Packages the Helm chart with what Artifact Hub shows of it. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseDocument, stringify } from 'yaml'
import { GROUP, VERSION } from '../../crds/schema.ts'
import { ensureBinaries } from '../../test/rig/binaries.ts'
import { runCommand } from '../../test/rig/process.ts'
import { kinds } from '../generate/kinds.ts'
import { repackArchive } from './archives.ts'
import { parseChanges } from './changelog.ts'
import { isPrerelease } from './version.ts'

export interface ChartOptions {
  version: string
  /** The section of the changelog. */
  changes: string
  /** Registry and folder of the published images, which becomes the default of the packaged chart. */
  registry: string | undefined
  /** Platforms of the published images, such as `linux/amd64`. */
  platforms: readonly string[]
}

/** The annotations of Chart.yaml by which Artifact Hub describes a version; the lists are texts in YAML. */
export function artifactHubAnnotations({
  version,
  changes,
  registry,
  platforms,
}: ChartOptions): Record<string, string> {
  const images = ['kubenova-controller', 'kubenova-agent'].map((name) => ({
    name,
    image: `${registry}/${name}:${version}`,
    ...(platforms.length > 0 ? { platforms } : {}),
  }))
  const crds = kinds.map(({ kind, plural, description }) => ({
    kind,
    version: VERSION,
    name: `${plural}.${GROUP}`,
    displayName: kind,
    description,
  }))
  const toYaml = (value: unknown): string => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false })
  return {
    'artifacthub.io/changes': toYaml(parseChanges(changes)),
    'artifacthub.io/crds': toYaml(crds),
    ...(registry === undefined ? {} : { 'artifacthub.io/images': toYaml(images) }),
    'artifacthub.io/prerelease': String(isPrerelease(version)),
  }
}

/** Writes `kubenova-VERSION.tgz` into `folder`. @param seconds the time of the files in it, in seconds since 1970 */
export async function packageChart(
  repository: string,
  options: ChartOptions & { folder: string; seconds: number },
): Promise<void> {
  const { version, registry, folder, seconds } = options
  const { helm } = await ensureBinaries(['helm'])
  const scratch = mkdtempSync(join(tmpdir(), 'kubenova-chart-'))
  try {
    const chart = join(scratch, 'kubenova')
    cpSync(join(repository, 'charts/kubenova'), chart, { recursive: true })
    editYaml(join(chart, 'Chart.yaml'), [['annotations'], artifactHubAnnotations(options)])
    if (registry !== undefined) editYaml(join(chart, 'values.yaml'), [['image'], { registry }])
    const packed = join(scratch, 'packed')
    mkdirSync(packed)
    const versions = [`--version=${version}`, `--app-version=${version}`]
    const env = {
      HELM_CACHE_HOME: scratch,
      HELM_CONFIG_HOME: scratch,
      HELM_DATA_HOME: scratch,
      KUBECONFIG: '/dev/null',
    }
    await runCommand([helm, 'package', chart, ...versions, `--destination=${packed}`], { env })
    const name = `kubenova-${version}.tgz`
    await repackArchive(join(packed, name), join(scratch, name), seconds)
    cpSync(join(scratch, name), join(folder, name))
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Sets members of the map at `path` in a YAML file; comments and all else stay. */
function editYaml(file: string, [path, members]: [path: string[], members: Record<string, string>]): void {
  const document = parseDocument(readFileSync(file, 'utf8'))
  for (const [name, value] of Object.entries(members)) document.setIn([...path, name], value)
  writeFileSync(file, document.toString({ lineWidth: 0 }))
}
