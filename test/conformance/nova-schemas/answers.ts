import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RecordedAnswer } from '../../../api-shim/record-answers.ts'
import { type Case, type NovaRoute, shapeOf } from './nova.ts'

export interface AnswerCase extends Case {
  url: string
}

/** Equal answers of one route and microversion become one case. */
export function readAnswerCases(dir: string, routes: readonly NovaRoute[]): AnswerCase[] {
  const find = routeFinder(routes)
  const cases = new Map<string, AnswerCase>()
  for (const name of readdirSync(dir))
    for (const line of readFileSync(join(dir, name), 'utf8').trimEnd().split('\n')) {
      const answer = JSON.parse(line) as RecordedAnswer
      const route = find(answer)
      if (!route) continue
      const { method, path, action } = route
      const version = Number(answer.version.slice(2))
      const key = JSON.stringify([method, path, action, version, answer.body])
      cases.set(key, { method, path, action, kind: 'response', version, value: answer.body, url: answer.url })
    }
  return [...cases.values()]
}

type Finder = (answer: RecordedAnswer) => NovaRoute | undefined

/** If several paths fit, the one with the fewest parameters wins, as in Nova. */
function routeFinder(routes: readonly NovaRoute[]): Finder {
  const compiled = routes
    .map((route) => ({ route, pattern: new RegExp(`^${shapeOf(route.path).replaceAll('{}', '[^/]+')}$`) }))
    .toSorted((a, b) => countParameters(a.route) - countParameters(b.route))
  return ({ method, url, request }) => {
    const path = /^\/compute\/v2\.1(?:\/[0-9a-f]{32})?(\/[^?]*?)\/?(?:\?|$)/.exec(url)?.[1]
    if (path === undefined) return undefined
    const fitting = compiled.filter(({ route, pattern }) => route.method === method && pattern.test(path))
    const key = path.endsWith('/action') ? actionOf(request) : null
    return fitting.find(({ route }) => route.action === key)?.route
  }
}

const countParameters = ({ path }: NovaRoute): number => path.split('{').length

/** The key of an action's body. */
function actionOf(request: string | undefined): string | null {
  const [key = null] = Object.keys(JSON.parse(request ?? '{}') as object)
  return key
}
