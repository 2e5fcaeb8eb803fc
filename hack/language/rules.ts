import type { Source } from './source.ts'

export interface Problem {
  path: string
  line: number
  message: string
}
type Rule = (source: Source) => Problem[]

const MAX_WIDTH = 120

/** The one-word names that exported functions may have, because all readers know them. */
const oneWordNames = new Set([
  'reconcile',
  'plan',
  'admit',
  'observe',
  'parse',
  'render',
  'encode',
  'decode',
  'main',
  // Return statements read like sentences: `return wait('its image')`, `return failed(reason, message)`.
  'wait',
  'failed',
  // Declares a watch of a controller, in the sense of Kubernetes: `watches: [watch(ports, { … })]`.
  'watch',
])

const oneWordFunctions: Rule = ({ path, exportedFunctions }) =>
  exportedFunctions
    .filter(({ name }) => /^[a-z]+\d*$/.test(name) && !oneWordNames.has(name))
    .map(({ name, line }) => ({ path, line, message: `exported function ${name}: name it by verb and object` }))

const wideComments: Rule = ({ path, lines, commentLines }) =>
  [...new Set(commentLines)]
    .filter((line) => (lines[line - 1]?.length ?? 0) > MAX_WIDTH)
    .map((line) => ({ path, line, message: `the comment goes beyond column ${MAX_WIDTH}` }))

const OPENINGS = ['Who', 'Whose', 'Whom', 'What', 'Of', 'Nobody', 'Somebody', 'Anybody', 'None of', 'No one']
const openingsPattern = `(${OPENINGS.join('|')})\\b`
const sentenceOpening = new RegExp(`(?:^|[.!?]['")\`]*\\s+)${openingsPattern}`, 'g')
const titleOpening = new RegExp(`^${openingsPattern}`, 'i')

const bannedOpenings: Rule = ({ path, comments, titles }) => {
  const message = (opening: string): string => `a sentence opens with "${opening}": begin with its subject`
  const inComments = comments.flatMap(({ line, text }) =>
    [...text.matchAll(sentenceOpening)].map(({ 1: opening = '', index, 0: match }) => ({
      path,
      line: line + text.slice(0, index + match.length).split('\n').length - 1,
      message: message(opening),
    })),
  )
  const inTitles = titles.flatMap(({ title, line }) => {
    const [, opening] = titleOpening.exec(title) ?? []
    return opening === undefined ? [] : [{ path, line, message: message(opening) }]
  })
  return [...inComments, ...inTitles]
}

const replacedWords: Readonly<Record<string, string>> = {
  deed: 'action, or action request',
  wish: 'desired (desiredPower)',
  wished: 'desired',
  leftover: 'orphan',
  lodging: 'GuestAddresses, allocation',
  sayer: 'StatusWriter',
  troupe: 'workers',
  ambush: 'plannedKill',
  sabotage: 'mutation',
  furnish: 'seed',
  weather: 'fault injection',
}

/** The folder itself lists the replaced words, so it is not checked for them. */
const RULES_FOLDER = 'hack/language/'

const bannedWords: Rule = ({ path, lines }) => {
  if (path.startsWith(RULES_FOLDER)) return []
  const inName = wordsOf(path).map((word) => ({ word, line: 1 }))
  const inText = lines.flatMap((text, i) => wordsOf(text).map((word) => ({ word, line: i + 1 })))
  return [...inName, ...inText].flatMap(({ word, line }) => {
    const singular = word in replacedWords ? word : word.replace(/e?s$/, '')
    const instead = Object.hasOwn(replacedWords, singular) ? replacedWords[singular] : undefined
    return instead === undefined ? [] : [{ path, line, message: `"${word}": say ${instead}` }]
  })
}

const wordsOf = (text: string): string[] =>
  text
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .match(/[a-z]+/g) ?? []

const rules: readonly Rule[] = [oneWordFunctions, wideComments, bannedOpenings, bannedWords]

export const findProblems = (source: Source): Problem[] => rules.flatMap((rule) => rule(source))
