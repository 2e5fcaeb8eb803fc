/** Reads and changes CHANGELOG.md, which has the format of Keep a Changelog. */

/** One line of the changelog, with its kind in the words of Artifact Hub, such as `added`. */
export interface Change {
  kind: string
  description: string
}

const UNRELEASED = 'Unreleased'
const announcement = /^This will be \S+\.\n+/

/** The text below the heading of a version, without links to other pages; undefined if the version has no heading. */
export function findSection(changelog: string, version: string): { date: string; text: string } | undefined {
  const heading = headings(changelog).find(({ name }) => name === version)
  return heading && { date: heading.date, text: heading.text }
}

interface Heading {
  name: string
  /** The date behind the name; empty if there is none. */
  date: string
  text: string
}

function headings(changelog: string): Heading[] {
  return changelog.split(/^## /m).flatMap((part) => {
    const [, name = '', date = '', text = ''] = /^\[([^\]]+)\](?: - (\d{4}-\d{2}-\d{2}))?\n([^]*)$/.exec(part) ?? []
    return name === '' ? [] : [{ name, date, text: text.trim() }]
  })
}

/** Whether lines below the heading Unreleased belong to no version yet. */
export const hasUnreleasedChanges = (changelog: string): boolean =>
  parseChanges(findSection(changelog, UNRELEASED)?.text ?? '').length > 0

/** The changelog with all that is unreleased below a heading for this version. */
export function releaseChanges(changelog: string, version: string, date: string): string {
  const [before = '', after = ''] = changelog.split(`## [${UNRELEASED}]\n\n`)
  return `${before}## [${UNRELEASED}]\n\n## [${version}] - ${date}\n\n${after.replace(announcement, '')}`
}

/** The changes in a section. A change that is broken into several lines becomes one line. */
export function parseChanges(section: string): Change[] {
  return section.split(/^### /m).flatMap((part) => {
    const [title = '', ...lines] = part.split('\n')
    const items = lines.join('\n').split(/^- /m).slice(1)
    return items.map((item) => ({ kind: title.trim().toLowerCase(), description: item.trim().replaceAll(/\s+/g, ' ') }))
  })
}
