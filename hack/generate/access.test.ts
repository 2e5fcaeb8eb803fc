import { expect, it } from 'vitest'
import { renderValidations, renderVariables } from './access.ts'

it('the policy of Hypervisors compares the fields and conditions of other owners', () => {
  expect(renderVariables('Hypervisor') + renderValidations({ kind: 'Hypervisor', isCreated: true })).toBe(`\
    - name: othersConditions
      expression: object.?status.conditions.orValue([]).filter(c, !(c.type in ['Ready']))
    - name: othersConditionsBefore
      expression: oldObject.?status.conditions.orValue([]).filter(c, !(c.type in ['Ready']))
    - expression: >-
        oldObject == null
        || object.?status.observedGeneration == oldObject.?status.observedGeneration
        && object.?status.state == oldObject.?status.state
        && object.?status.used == oldObject.?status.used
        && object.?status.servers == oldObject.?status.servers
      reason: Forbidden
      message: >-
        an agent does not write these status fields, which belong to kubenova-node-lifecycle: observedGeneration, state, used, servers
    - expression: >-
        oldObject == null
        || variables.othersConditions.size() == variables.othersConditionsBefore.size()
        && variables.othersConditions.all(c, c in variables.othersConditionsBefore)
      reason: Forbidden
      message: >-
        an agent writes no conditions of a Hypervisor but Ready
`)
})
