/**
 * node:http without an import: an import would evaluate the export WebSocket, which loads undici and costs 12 MB
 * (docs/adr/0016). Types may be imported, because they do not exist at run time.
 */
export const { Agent, createServer, request } = process.getBuiltinModule('node:http')
