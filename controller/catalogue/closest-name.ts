/** A name that differs in more letters than these counts as a different name. */
const MAX_CHANGES = 2

/** The known name that differs from `name` in the fewest letters; undefined if all differ in more than two. */
export function closestName(name: string, known: readonly string[]): string | undefined {
  const normal = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '_')
  let closest: string | undefined
  let fewest = MAX_CHANGES + 1
  for (const candidate of known) {
    if (Math.abs(candidate.length - normal.length) >= fewest) continue
    const changes = countChanges(normal, candidate)
    if (changes < fewest) [closest, fewest] = [candidate, changes]
  }
  return closest
}

/** The Levenshtein distance. */
function countChanges(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next[j] = Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1)
    }
    row = next
  }
  return row[b.length] ?? 0
}
