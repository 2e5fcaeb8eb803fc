import { describe, expect, it } from 'vitest'
import { allRoutes } from '../../../api-shim/routes/index.ts'
import { commandLines, commandOf } from './command-lines.ts'
import { hasWorked, readCommands, readResults, resultsByCommand } from './results.ts'

const results = readResults()

describe('results.json', () => {
  it('has a result of each command line', () => {
    expect(results.map(({ line, admin }) => ({ line, admin }))).toEqual(
      commandLines.map(({ line, admin = false }) => ({ line, admin })),
    )
  })

  it('has the 124 commands of the list that novaclient has, and no other commands', () => {
    const commands = readCommands()
    expect(commands).toHaveLength(200)
    expect([...resultsByCommand().values()].filter((list) => list.length > 0)).toHaveLength(124)
    expect(commandLines.map(commandOf).filter((command) => !commands.includes(command))).toEqual([])
  })

  it('names only requests that have a route', () => {
    const known = new Set(
      allRoutes
        .filter(({ service }) => service === 'compute')
        .map(({ method, path, action }) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')} ${action}`),
    )
    for (const { line, requests } of results)
      for (const { method, path, action } of requests)
        expect(
          known.has(`${method} ${path.replaceAll(/\{\w+\}/g, '{}')} ${action}`),
          `${line}: ${method} ${path}`,
        ).toBe(true)
  })
})

describe('hasWorked', () => {
  const result = { command: 'a', line: 'a web', admin: false, exit: 0 }
  const request = { method: 'GET', path: '/servers', status: 200 }

  it('is false when the command fails, or when the shim refuses what it asks for', () => {
    expect(hasWorked({ ...result, requests: [request] })).toBe(true)
    expect(hasWorked({ ...result, exit: 1, requests: [request] })).toBe(false)
    expect(hasWorked({ ...result, requests: [request, { ...request, method: 'POST', status: 501 }] })).toBe(false)
  })

  it('ignores a look-up that finds nothing', () => {
    expect(hasWorked({ ...result, requests: [{ ...request, status: 404 }, request] })).toBe(true)
  })
})
