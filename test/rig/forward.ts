// Forwards TCP connections: LISTEN_HOST LISTEN_PORT TARGET_HOST TARGET_PORT. A process of its own, see given.ts.
import { connect, createServer } from 'node:net'
import { pipeline } from 'node:stream'

const [listenHost = '', listenPort = '', host = '', port = ''] = process.argv.slice(2)

createServer((incoming) => {
  const outgoing = connect(Number(port), host)
  // An end or an error of one side is the end of the other: pipeline sees to it.
  pipeline(incoming, outgoing, incoming, () => undefined)
}).listen(Number(listenPort), listenHost)
