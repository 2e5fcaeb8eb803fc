export const medianOf = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

export const printFigure = (name: string, value: number, unit: string): void =>
  console.log(`${name} ${value.toFixed(unit === 'ms' ? 0 : 2)} ${unit}`)
