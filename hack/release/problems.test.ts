import { expect, it } from 'vitest'
import { findReleaseProblems, type ReleaseFacts } from './problems.ts'

const good: ReleaseFacts = {
  version: '0.2.0',
  versions: { 'package.json': '0.2.0', 'version in Chart.yaml': '0.2.0' },
  changelog: '## [Unreleased]\n\n## [0.2.0] - 2026-11-28\n\n### Added\n\n- A thing.\n',
  tags: ['v0.1.0'],
  changedFiles: [],
}

it('finds no problem in a tree that is prepared and committed', () => {
  expect(findReleaseProblems(good)).toEqual([])
})

const cases: [problem: string, facts: Partial<ReleaseFacts>, sentences: string[]][] = [
  [
    'no version',
    { version: '' },
    ['"" is not a semantic version: give one such as 0.2.0 or 1.0.0-rc.1 (make release VERSION=0.2.0)'],
  ],
  [
    'a version with v',
    { version: 'v0.2.0' },
    ['"v0.2.0" is not a semantic version: give one such as 0.2.0 or 1.0.0-rc.1 (make release VERSION=0.2.0)'],
  ],
  [
    'a file with another version',
    { versions: { 'package.json': '0.2.0', 'version in Chart.yaml': '0.1.0' } },
    ['version in Chart.yaml says 0.1.0, not 0.2.0: run `make release-prepare VERSION=0.2.0` and commit the result'],
  ],
  [
    'a changelog without the version',
    { changelog: '## [Unreleased]\n\n### Added\n\n- A thing.\n' },
    ['CHANGELOG.md has no section for 0.2.0: run `make release-prepare VERSION=0.2.0` and commit the result'],
  ],
  [
    'an empty section without a date, beside unreleased changes',
    { changelog: '## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [0.2.0]\n\n## [0.1.0] - 2026-10-01\n' },
    [
      'the section 0.2.0 of CHANGELOG.md is empty: write what users will see',
      'the heading of 0.2.0 in CHANGELOG.md has no date: write "## [0.2.0] - YYYY-MM-DD"',
      'CHANGELOG.md still has changes below [Unreleased], which the notes of 0.2.0 would lack: move them to its section',
    ],
  ],
  [
    'a version with a tag',
    { tags: ['v0.1.0', 'v0.2.0'] },
    [
      "the tag v0.2.0 exists, and a version is released once: choose the next version, or check out the tag's commit and delete the tag if nobody has it yet",
    ],
  ],
  [
    'uncommitted changes',
    { changedFiles: [' M a.ts', '?? b.ts', ' M c.ts', ' D d.ts', 'A  e.ts'] },
    ['the working tree has changes, which the source archive would lack: commit or remove a.ts, b.ts, c.ts and 2 more'],
  ],
]

it.each(cases)('refuses %s', (_, facts, sentences) => {
  expect(findReleaseProblems({ ...good, ...facts })).toEqual(sentences)
})
