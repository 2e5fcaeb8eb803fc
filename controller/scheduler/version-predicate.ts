/**
 * Version requirements of images, such as '>=6.0,<8.2', where every clause must be met. Versions are numbers as
 * parseVersion (host-view.ts) returns them.
 */

type Compare = (version: number, operand: number) => boolean

const operators: Readonly<Record<string, Compare>> = {
  '<': (v, o) => v < o,
  '<=': (v, o) => v <= o,
  '==': (v, o) => v === o,
  '!=': (v, o) => v !== o,
  '>': (v, o) => v > o,
  '>=': (v, o) => v >= o,
}

/**
 * False if the requirement cannot be parsed: a typing error must not put a server on a host that cannot run its image.
 */
export function versionSatisfies(version: number, requirement: string): boolean {
  return requirement.split(',').every((clause) => {
    const m = /^\s*(<=|>=|==|!=|<|>)\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?\s*$/.exec(clause)
    if (m === null) return false
    const operand = Number(m[2]) * 1_000_000 + Number(m[3] ?? 0) * 1000 + Number(m[4] ?? 0)
    return operators[m[1] ?? '']?.(version, operand) === true
  })
}
