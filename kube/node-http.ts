/**
 * node:http without importing it. An import evaluates all of its exports, and the one of WebSocket loads undici, which
 * costs each process 12 MB (docs/adr/0016). Types may be imported from `node:http` itself.
 */
export const { Agent, createServer, request } = process.getBuiltinModule('node:http')
