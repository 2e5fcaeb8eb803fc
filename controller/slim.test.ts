import { describe, expect, it } from 'vitest'
import { API_VERSION, type Server, type ServerAction } from '../crds/index.ts'
import { slimAction, slimServer } from './slim.ts'

const server = (annotations?: Record<string, string>): Server => ({
  apiVersion: API_VERSION,
  kind: 'Server',
  metadata: { name: 's', namespace: 'ns', uid: 'u', ...(annotations ? { annotations } : {}) },
  spec: { flavor: 'f', configDrive: true, networks: [], powerState: 'Running', locked: false },
  status: { host: 'h1', actionRecords: 1 },
})

describe('slimServer', () => {
  it('drops the user data', () => {
    const { spec, ...rest } = server()
    expect(slimServer({ ...rest, spec: { ...spec, userData: 'x'.repeat(60_000) } })).toEqual(server())
    expect(slimServer({ ...rest, spec: { ...spec, userDataBase64: 'eA==' } })).toEqual(server())
  })

  it('drops the last-applied annotation of kubectl, and keeps the others', () => {
    const all = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', mine: '1' }
    expect(slimServer(server(all))).toEqual(server({ mine: '1' }))
  })
})

describe('slimAction', () => {
  const action = (status: ServerAction['status']): ServerAction => ({
    apiVersion: API_VERSION,
    kind: 'ServerAction',
    metadata: { name: 's-1', namespace: 'ns', uid: 'u', resourceVersion: '7', labels: { a: 'b' } },
    spec: { server: 's', action: 'create', requestId: 'req-1' },
    ...(status ? { status } : {}),
  })

  it('keeps only the server, phase and finish time of a finished ServerAction', () => {
    const full = action({ phase: 'Succeeded', finishTime: 't', startTime: 't0', host: 'h1', events: [] })
    expect(slimAction(full)).toEqual({
      apiVersion: API_VERSION,
      kind: 'ServerAction',
      metadata: { name: 's-1', namespace: 'ns', uid: 'u', resourceVersion: '7' },
      spec: { server: 's', action: 'create' },
      status: { phase: 'Succeeded', finishTime: 't' },
    })
  })

  it.each([[undefined], [{}], [{ phase: 'Running' as const, host: 'h1' }]])(
    'keeps all of a ServerAction with status %j',
    (status) => {
      expect(slimAction(action(status))).toEqual(action(status))
    },
  )
})
