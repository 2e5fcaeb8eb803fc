// Forwards TCP connections (see existing-cluster.ts).
// Usage: node forward.ts LISTEN_HOST LISTEN_PORT TARGET_HOST TARGET_PORT
import { connect, createServer } from 'node:net'
import { pipeline } from 'node:stream'

const [listenHost = '', listenPort = '', host = '', port = ''] = process.argv.slice(2)

createServer((incoming) => {
  const outgoing = connect(Number(port), host)
  // When one side ends or fails, pipeline() ends the other side.
  pipeline(incoming, outgoing, incoming, () => undefined)
}).listen(Number(listenPort), listenHost)
