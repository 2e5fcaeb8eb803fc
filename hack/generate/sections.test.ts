import { describe, expect, it } from 'vitest'
import { replaceSection } from './sections.ts'

describe('replaceSection', () => {
  const text = 'a\n  # begin generated: x (from y)\nold\nold\n  # end generated: x\nb\n'

  it('replaces the lines between the marks, and keeps the marks', () => {
    expect(replaceSection(text, 'x', 'new\n')).toBe(
      'a\n  # begin generated: x (from y)\nnew\n  # end generated: x\nb\n',
    )
  })

  it('throws when a mark is missing', () => {
    expect(() => replaceSection(text, 'z', '')).toThrow('no mark "begin generated: z"')
    expect(() => replaceSection(text.replace('end', 'END'), 'x', '')).toThrow('no mark "end generated: x"')
  })
})
