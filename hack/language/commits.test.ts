import { expect, it } from 'vitest'
import { findSubjectProblems } from './commits.ts'

it.each([
  'fix(kube): serve the metrics of the process itself',
  'refactor(crds)!: name status fields and reasons by one word each',
  'docs: say what the simulator found',
  'feat(agent/libvirt): call virDomainSetUserPassword',
])('findSubjectProblems accepts: %s', (subject) => {
  expect(findSubjectProblems(subject)).toEqual([])
})

it.each([
  ['docs: figures of make bench as one command, with kubelet and kube-scheduler beside', ['82 columns: at most 72']],
  ['Mend the informer', ['no type']],
  ['wip(kube): informer', ['no type']],
  [`mend the informer${' again'.repeat(10)}`, ['77 columns: at most 72', 'no type']],
])('findSubjectProblems finds the problems of: %s', (subject, expected) => {
  const problems = findSubjectProblems(subject)
  expect(problems).toHaveLength(expected.length)
  expected.forEach((part, i) => expect(problems[i]).toContain(part))
})
