import { describe, expect, it } from 'vitest'
import { type Definition, findAgentSkew, findDefinitionProblem, refuseOldDefinitions } from './version-skew.ts'

describe('findAgentSkew', () => {
  const cases: [agent: string | undefined, controller: string, reason: string | undefined][] = [
    ['0.3.0', '0.3.0', undefined],
    ['0.3.9', '0.3.0', undefined],
    ['0.2.7', '0.3.0', undefined],
    ['0.4.0', '0.3.0', undefined],
    ['0.4.0-rc.1', '0.3.0', undefined],
    ['0.1.9', '0.3.0', 'AgentTooOld'],
    ['0.5.0', '0.3.0', 'AgentTooNew'],
    ['0.10.0', '0.9.0', undefined],
    ['0.10.0', '0.2.0', 'AgentTooNew'],
    ['0.3.0', '1.3.0', 'AgentTooOld'],
    ['1.0.0', '0.9.0', 'AgentTooNew'],
    [undefined, '0.3.0', undefined],
    ['main', '0.3.0', undefined],
  ]
  it.each(cases)('an agent %s beside a controller %s: %s', (agent, controller, reason) => {
    expect(findAgentSkew(agent, controller)?.reason).toBe(reason)
  })

  it('says which versions fit, what follows and what to do', () => {
    expect(findAgentSkew('0.1.0', '0.3.0')?.message).toBe(
      'the agent has version 0.1.0, the controller 0.3.0, which works with agents from 0.2 to 0.4; guests run on, and no server is placed here: upgrade the agent',
    )
    expect(findAgentSkew('1.2.0', '1.0.4')?.message).toBe(
      'the agent has version 1.2.0, the controller 1.0.4, which works with agents from 1.0 to 1.1; guests run on, and no server is placed here: upgrade the controller',
    )
  })
})

describe('findDefinitionProblem', () => {
  const definitionOf = (version: string) => ({ metadata: { annotations: { 'compute.kubenova.io/version': version } } })
  const apply =
    'apply the definitions before the programs (helm upgrade does, or kubectl apply --server-side -f crds/manifests)'
  const cases: [name: string, definition: Exclude<Definition, 'forbidden'>, problem: string | undefined][] = [
    ['the same version', definitionOf('0.3.1'), undefined],
    ['a newer patch', definitionOf('0.3.2'), undefined],
    ['a newer minor version', definitionOf('0.4.0'), undefined],
    ['a newer major version', definitionOf('1.0.0'), undefined],
    ['an older patch', definitionOf('0.3.0'), `has version 0.3.0, and this program 0.3.1: ${apply}`],
    ['an older minor version', definitionOf('0.2.9'), `has version 0.2.9, and this program 0.3.1: ${apply}`],
    ['no version', { metadata: {} }, `names no version, so it is older than this program (0.3.1): ${apply}`],
    ['no definition', undefined, `does not exist: ${apply}`],
  ]
  it.each(cases)('%s', (_, definition, problem) => expect(findDefinitionProblem(definition, '0.3.1')).toBe(problem))
})

describe('refuseOldDefinitions', () => {
  it('names the first definition that does not fit', async () => {
    const read = async (name: string): Promise<Definition> =>
      name === 'ports.compute.kubenova.io' ? undefined : 'forbidden'
    await expect(refuseOldDefinitions(['servers', 'ports'], '0.3.1', read)).rejects.toMatchObject({
      code: 'DefinitionsOutdated',
      message: expect.stringMatching(/^CustomResourceDefinition ports\.compute\.kubenova\.io does not exist: apply/),
    })
    await expect(refuseOldDefinitions(['servers'], '0.3.1', read)).resolves.toBeUndefined()
  })
})
