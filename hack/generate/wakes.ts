import { controllers } from '../../controller/controller.ts'
import type { Controller } from '../../kube/controller.ts'
import type { Watch } from '../../kube/watch.ts'
import { generatedMark, inlineCode, renderTable } from './markdown.ts'

type Declared = Controller<never>

/** An identifier of a mermaid diagram may have only word characters. */
const idOf = (name: string): string => name.replaceAll(/\W/g, '_')

const sourcesOf = ({ watches }: Declared): string[] => [...new Set(watches.map(({ source }) => source))]

function renderGraph(all: readonly Declared[]): string {
  const sources = [...new Set(all.flatMap(sourcesOf))]
  const nodes = [
    ...sources.map((source) => `  ${idOf(source)}([${source}])`),
    ...all.map(({ name }) => `  controller_${name}[${name}]`),
  ]
  const edges = all.flatMap((controller) =>
    sourcesOf(controller).map((source) => `  ${idOf(source)} --> controller_${controller.name}`),
  )
  return `\`\`\`mermaid\nflowchart LR\n${[...nodes, ...edges].join('\n')}\n\`\`\`\n`
}

const eventsOf = ({ events }: Watch<never>): string => (events.length === 3 ? 'any change' : events.join(', '))

const rowOf = (watch: Watch<never>): string[] => [
  watch.source,
  eventsOf(watch),
  watch.priority ?? (watch.events.includes('added') ? 'normal; low at the start' : 'normal'),
  watch.after === 0 ? '' : `${watch.after / 1000} s`,
  watch.because,
]

function renderSection(controller: Declared): string {
  const { name, kind, stores, watches, concurrency } = controller
  const facts = `Reconciles keys of ${kind}, at most ${concurrency} at the same time. Stores: ${Object.keys(stores).map(inlineCode).join(', ')}.`
  const head = ['source', 'events', 'priority', 'delay', 'because']
  return `## ${name}\n${facts}\n\n${renderTable(head, watches.map(rowOf))}`
}

export const wakesPage = (all: readonly Declared[] = controllers): string =>
  [
    `${generatedMark('controller/*/controller.ts')}# What wakes which controller\n`,
    'Each controller declares the kind whose keys it reconciles, the stores that it reads and writes, and the events that bring a key back to its queue.',
    'In the graph, rounded boxes are kinds of the API and what the controller derives itself (channels, timers); square boxes are controllers.\n',
    renderGraph(all),
    ...all.map(renderSection),
  ].join('\n')
