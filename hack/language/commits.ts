const MAX_SUBJECT = 72
const TYPES = ['build', 'chore', 'ci', 'docs', 'feat', 'fix', 'perf', 'refactor', 'revert', 'style', 'test']
const conventional = new RegExp(`^(${TYPES.join('|')})(\\([a-z0-9,/-]+\\))?!?: \\S`)

export function findSubjectProblems(subject: string): string[] {
  const problems: string[] = []
  if (subject.length > MAX_SUBJECT) problems.push(`"${subject}" has ${subject.length} columns: at most ${MAX_SUBJECT}`)
  if (!conventional.test(subject))
    problems.push(`"${subject}" has no type: \`fix(kube): …\`, one of ${TYPES.join(', ')}`)
  return problems
}
