import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findSchemaProblems, isKubenovaObject, parseManifests, root } from '../test/manifests.ts'
import { anchorOf } from './generate/markdown.ts'

const pages = globSync(['*.md', 'docs/**/*.md', 'kube/**/*.md', 'agent/**/*.md'], { cwd: root })
  .toSorted((a, b) => a.localeCompare(b))
  .map((page) => ({ page, text: readFileSync(join(root, page), 'utf8') }))

const withoutCode = (text: string): string => text.replaceAll(/^```[^]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '')

function linksIn(text: string): string[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map((m) => m[1] ?? '').filter((l) => !/^[a-z]+:/.test(l))
}

function anchorsOf(file: string): Set<string> {
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)
  return new Set([...headings].map((m) => anchorOf((m[1] ?? '').replaceAll('`', ''))))
}

function codeBlocks(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].flatMap((m) => (m[1] === language ? [m[2] ?? ''] : []))
}

describe.each(pages)('$page', ({ page, text }) => {
  it('has only links that resolve', () => {
    const broken = linksIn(text).filter((link) => {
      const [path = '', fragment] = link.split('#')
      const target = path === '' ? join(root, page) : join(root, dirname(page), path)
      return !existsSync(target) || (fragment !== undefined && !anchorsOf(target).has(fragment))
    })
    expect(broken).toEqual([])
  })

  it('shows only valid YAML', () => {
    for (const block of codeBlocks(text, 'yaml'))
      for (const object of parseManifests(block).filter(isKubenovaObject))
        expect(findSchemaProblems(object)).toEqual([])
  })

  it('names only files that exist', () => {
    const named = [
      ...text.matchAll(/(?<![\w./-])(?:examples|crds|actions|kube|controller|agent|hack|test|docs)\/[\w./-]*\w/g),
    ]
    const missing = named
      .map(([path]) => path)
      .filter((path) => !existsSync(join(root, path)) && !path.startsWith('test/artefacts'))
    expect(missing).toEqual([])
  })
})

it('the table of contents has every page of the guide and of the reference', () => {
  const contents = linksIn(readFileSync(join(root, 'docs/README.md'), 'utf8'))
  const all = globSync(['guide/*.md', 'reference/*.md'], { cwd: join(root, 'docs') })
  expect(all.filter((file) => !contents.includes(file))).toEqual([])
})
