/** Version requirements of images, such as '>=6.0,<8.2': all clauses hold. Versions are numbers as host-view.ts counts them. */

type Compare = (have: number, want: number) => boolean

const compare: Readonly<Record<string, Compare>> = {
  '<': (h, w) => h < w,
  '<=': (h, w) => h <= w,
  '==': (h, w) => h === w,
  '!=': (h, w) => h !== w,
  '>': (h, w) => h > w,
  '>=': (h, w) => h >= w,
}

/** false too where the requirement cannot be read: a typing error must not place an image on a host that it may not fit. */
export function versionSatisfies(version: number, requirement: string): boolean {
  return requirement.split(',').every((clause) => {
    const m = /^\s*(<=|>=|==|!=|<|>)\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?\s*$/.exec(clause)
    if (m === null) return false
    const wanted = Number(m[2]) * 1_000_000 + Number(m[3] ?? 0) * 1000 + Number(m[4] ?? 0)
    return compare[m[1] ?? '']?.(version, wanted) === true
  })
}
