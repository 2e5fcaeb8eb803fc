import { describe, expect, it } from 'vitest'
import { findSection, hasUnreleasedChanges, parseChanges, releaseChanges } from './changelog.ts'

const changelog = `# Changelog

Words.

## [Unreleased]

This will be 0.2.0.

### Added

- A thing
  on two lines.
- Another thing.

### Fixed

- A fault.

## [0.1.0] - 2026-10-01

### Added

- All.
`

describe('findSection', () => {
  it('returns date and text of a version', () => {
    expect(findSection(changelog, '0.1.0')).toEqual({ date: '2026-10-01', text: '### Added\n\n- All.' })
  })

  it('returns nothing for a version without a heading', () => {
    expect(findSection(changelog, '0.2.0')).toBeUndefined()
  })
})

describe('releaseChanges', () => {
  it('puts what is unreleased below the heading of the version', () => {
    const released = releaseChanges(changelog, '0.2.0', '2026-11-28')
    expect(released).toContain('Words.\n\n## [Unreleased]\n\n## [0.2.0] - 2026-11-28\n\n### Added\n\n- A thing\n')
    expect(findSection(released, '0.2.0')?.text).toMatch(/^### Added[^]*- A fault\.$/)
    expect(findSection(released, '0.1.0')?.text).toBe('### Added\n\n- All.')
    expect([hasUnreleasedChanges(changelog), hasUnreleasedChanges(released)]).toEqual([true, false])
  })
})

describe('parseChanges', () => {
  it('joins the lines of a change and names its kind', () => {
    expect(parseChanges(findSection(changelog, 'Unreleased')?.text ?? '')).toEqual([
      { kind: 'added', description: 'A thing on two lines.' },
      { kind: 'added', description: 'Another thing.' },
      { kind: 'fixed', description: 'A fault.' },
    ])
  })
})
