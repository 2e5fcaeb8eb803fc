/** Writes the notes of a release, for the page of the release on a forge. */
import type { ReleaseImage } from './images.ts'

export interface NotesFacts {
  version: string
  date: string
  changes: string
  registry: string | undefined
  images: readonly ReleaseImage[]
}

export function renderNotes(facts: NotesFacts): string {
  return [
    `# Kubenova ${facts.version}\n\nReleased ${facts.date}.`,
    facts.changes,
    renderInstall(facts),
    ...(facts.images.length > 0 ? [renderImages(facts)] : []),
    '## Files\n\n`sha256sum --check SHA256SUMS` checks the files of this release.',
  ]
    .join('\n\n')
    .concat('\n')
}

function renderInstall({ version, registry }: NotesFacts): string {
  const flag = registry === undefined ? ' --set image.registry=REGISTRY' : ''
  const images = registry === undefined ? ' REGISTRY is where you have copied the images to.' : ''
  return `## Install

\`\`\`console
$ helm install kubenova kubenova-${version}.tgz --namespace kubenova-system --create-namespace${flag}
\`\`\`

To upgrade, use \`helm upgrade\` instead; go from one minor version to the next.${images}`
}

function renderImages({ images }: NotesFacts): string {
  const rows = images.map(({ name, arch, digest, file }) => `| ${name} | linux/${arch} | \`${digest}\` | ${file} |`)
  return ['## Images', '', '| image | platform | digest | archive |', '|---|---|---|---|', ...rows].join('\n')
}
