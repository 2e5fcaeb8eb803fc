import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { Queue } from './queue.ts'

it('Queue gives its items in order, for any sequence of operations', () => {
  const step = fc.oneof(
    fc.record({ push: fc.integer({ min: 0, max: 3000 }) }),
    fc.record({ shift: fc.integer({ min: 0, max: 3000 }) }),
    fc.constant('clear' as const),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const queue = new Queue<number>()
      let model: number[] = []
      let next = 0
      for (const each of steps) {
        if (each === 'clear') {
          queue.clear()
          model = []
        } else if ('push' in each) {
          const items = Array.from({ length: each.push }, () => (next += 1))
          for (const item of items) queue.push(item)
          model.push(...items)
        } else {
          const shifted = Array.from({ length: each.shift }, () => queue.shift())
          expect(shifted).toEqual(Array.from({ length: each.shift }, (_, i) => model[i]))
          model = model.slice(each.shift)
        }
        expect(queue.length).toBe(model.length)
        expect(queue.peek()).toBe(model[0])
      }
      expect([...queue]).toEqual(model)
    }),
    { numRuns: 60 },
  )
})
