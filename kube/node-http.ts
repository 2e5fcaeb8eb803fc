/**
 * Node's own http. An import of it evaluates all that it exports, WebSocket among it, and by that loads the whole of undici: 12 MB of every process
 * (docs/adr/0016). Types may be imported from `node:http` itself.
 */
export const { Agent, createServer, request } = process.getBuiltinModule('node:http')
