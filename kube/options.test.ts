import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { optionsHelp, parseOptions, UsageError } from './options.ts'

const schema = Type.Object({
  hostName: Type.String({ minLength: 1, description: 'Name of this host' }),
  metricsPort: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080, description: 'Port of /metrics' }),
  leaderElect: Type.Boolean({ default: true, description: 'Elect a leader' }),
  logLevel: Type.Enum(['debug', 'info', 'warn'], { default: 'info', description: 'Least level' }),
  kubeconfig: Type.Optional(Type.String({ description: 'Path' })),
})
const parse = (args: string[], env: Record<string, string> = {}) =>
  parseOptions(schema, { args, env, prefix: 'KUBENOVA' })

describe('parseOptions', () => {
  it.each<[string, string[], Record<string, string>, object]>([
    [
      'takes defaults',
      ['--host-name', 'h'],
      {},
      { hostName: 'h', metricsPort: 8080, leaderElect: true, logLevel: 'info' },
    ],
    [
      'prefers flags to environment variables',
      ['--host-name=h'],
      { KUBENOVA_HOST_NAME: 'e', KUBENOVA_METRICS_PORT: '1' },
      { hostName: 'h', metricsPort: 1, leaderElect: true, logLevel: 'info' },
    ],
    [
      'turns a boolean off with --no-',
      ['--host-name=h', '--no-leader-elect'],
      {},
      { hostName: 'h', metricsPort: 8080, leaderElect: false, logLevel: 'info' },
    ],
    [
      'turns a boolean off with an environment variable',
      [],
      { KUBENOVA_HOST_NAME: '7', KUBENOVA_LEADER_ELECT: 'false', KUBENOVA_KUBECONFIG: '/k' },
      { hostName: '7', metricsPort: 8080, leaderElect: false, logLevel: 'info', kubeconfig: '/k' },
    ],
  ])('%s', (_, args, env, options) => {
    expect(parse(args, env)).toEqual(options)
  })

  it.each<[string, string[], Record<string, string>, string]>([
    ['a missing option', [], {}, '--host-name (or KUBENOVA_HOST_NAME) is needed'],
    [
      'a number out of range',
      ['--host-name=h', '--metrics-port=70000'],
      {},
      '--metrics-port (or KUBENOVA_METRICS_PORT) must be <= 65535',
    ],
    [
      'a value that is not a number',
      ['--host-name=h'],
      { KUBENOVA_METRICS_PORT: 'http' },
      '--metrics-port (or KUBENOVA_METRICS_PORT) must be integer',
    ],
    [
      'a value that is not in the enum',
      ['--host-name=h', '--log-level=loud'],
      {},
      '--log-level (or KUBENOVA_LOG_LEVEL) must be equal to one of the allowed values: debug, info, warn',
    ],
    ['an unknown flag', ['--hostname=h'], {}, "Unknown option '--hostname'"],
    ['an argument that is not a flag', ['h'], {}, "Unexpected argument 'h'"],
  ])('throws for %s', (_, args, env, message) => {
    expect(() => parse(args, env)).toThrow(UsageError)
    expect(() => parse(args, env)).toThrow(message)
  })
})

it('optionsHelp has a line for each option', () => {
  expect(optionsHelp(schema, 'KUBENOVA').split('\n')).toEqual([
    '  --host-name <string>           KUBENOVA_HOST_NAME     Name of this host',
    '  --metrics-port <integer>       KUBENOVA_METRICS_PORT  Port of /metrics (8080)',
    '  --leader-elect                 KUBENOVA_LEADER_ELECT  Elect a leader (true)',
    '  --log-level <debug|info|warn>  KUBENOVA_LOG_LEVEL     Least level ("info")',
    '  --kubeconfig <string>          KUBENOVA_KUBECONFIG    Path',
  ])
})
