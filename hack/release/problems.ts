/** Finds out what prevents a release. */
import { findSection, hasUnreleasedChanges } from './changelog.ts'
import { isSemanticVersion } from './version.ts'

export interface ReleaseFacts {
  version: string
  /** The version that each file names. */
  versions: Readonly<Record<string, string>>
  changelog: string
  tags: readonly string[]
  /** The lines of `git status --porcelain`. */
  changedFiles: readonly string[]
}

export const tagOf = (version: string): string => `v${version}`

/** One sentence for each problem, which says what to do; empty if the release can be built. */
export function findReleaseProblems(facts: ReleaseFacts): string[] {
  const { version } = facts
  if (!isSemanticVersion(version))
    return [`"${version}" is not a semantic version: give one such as 0.2.0 or 1.0.0-rc.1 (make release VERSION=0.2.0)`]
  return [...findVersionProblems(facts), ...findChangelogProblems(facts), ...findGitProblems(facts)]
}

function findVersionProblems({ version, versions }: ReleaseFacts): string[] {
  return Object.entries(versions)
    .filter(([, named]) => named !== version)
    .map(
      ([place, named]) =>
        `${place} says ${named}, not ${version}: run \`make release-prepare VERSION=${version}\` and commit the result`,
    )
}

function findChangelogProblems({ version, changelog }: ReleaseFacts): string[] {
  const section = findSection(changelog, version)
  if (section === undefined)
    return [
      `CHANGELOG.md has no section for ${version}: run \`make release-prepare VERSION=${version}\` and commit the result`,
    ]
  const problems: string[] = []
  if (section.text === '') problems.push(`the section ${version} of CHANGELOG.md is empty: write what users will see`)
  if (section.date === '')
    problems.push(`the heading of ${version} in CHANGELOG.md has no date: write "## [${version}] - YYYY-MM-DD"`)
  if (hasUnreleasedChanges(changelog))
    problems.push(
      `CHANGELOG.md still has changes below [Unreleased], which the notes of ${version} would lack: move them to its section`,
    )
  return problems
}

function findGitProblems({ version, tags, changedFiles }: ReleaseFacts): string[] {
  const problems: string[] = []
  if (tags.includes(tagOf(version)))
    problems.push(
      `the tag ${tagOf(version)} exists, and a version is released once: choose the next version, or check out the tag's commit and delete the tag if nobody has it yet`,
    )
  if (changedFiles.length > 0)
    problems.push(
      `the working tree has changes, which the source archive would lack: commit or remove ${listFiles(changedFiles)}`,
    )
  return problems
}

function listFiles(lines: readonly string[]): string {
  const names = lines.slice(0, 3).map((line) => line.slice(3))
  return lines.length > 3 ? `${names.join(', ')} and ${lines.length - 3} more` : names.join(', ')
}
