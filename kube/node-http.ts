/**
 * The functions of node:http, loaded without an import of that module. An import would evaluate all exports, and the
 * export WebSocket loads undici, which costs each process 12 MB (docs/adr/0016). Types may be imported from
 * `node:http`, because imports of types do not exist at run time.
 */
export const { Agent, createServer, request } = process.getBuiltinModule('node:http')
