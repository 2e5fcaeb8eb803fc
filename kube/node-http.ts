/**
 * The functions of node:http, without an import of that module. An import evaluates all exports of the module, and the
 * export WebSocket loads undici, which costs each process 12 MB (docs/adr/0016). Types may be imported from `node:http`
 * itself, because imports of types do not exist at run time.
 */
export const { Agent, createServer, request } = process.getBuiltinModule('node:http')
