import { expect, it } from 'vitest'
import { noLog } from '../kube/log.ts'
import { placedServer } from './server/testing.ts'
import { newServerHandlers } from './watches.ts'

function startReconcile() {
  const reconcile = new AbortController()
  const collected: string[] = []
  const handlers = newServerHandlers({
    running: new Map([['demo/web-1', reconcile]]),
    collectDeleted: async ({ uid }) => void collected.push(uid),
    log: noLog,
  })
  return { handlers, collected, signal: reconcile.signal }
}

it('aborts the reconcile of a Server when its deletion begins', () => {
  const { handlers, signal } = startReconcile()
  handlers.updated(placedServer(), placedServer({ generation: 2 }))
  expect(signal.aborted).toBe(false)
  handlers.updated(placedServer(), placedServer({ deleting: true }))
  expect(signal.aborted).toBe(true)
})

it('aborts the reconcile of a Server and collects its orphans when it is gone, or on another host', () => {
  const { handlers, collected, signal } = startReconcile()
  handlers.deleted(placedServer())
  expect(signal.aborted).toBe(true)
  expect(collected).toEqual(['u1'])
})
