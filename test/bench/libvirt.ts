// Calls per second and latency of agent/libvirt beside python3-libvirt (libvirt's own C client), on the same socket.
// Prints `name value unit`. Python's part is left out where its module is not installed (Debian: python3-libvirt).
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Connection, connect, proc } from '../../agent/libvirt/index.ts'
import { startHost } from '../rig/host.ts'
import { run } from '../rig/process.ts'
import { scratchDirectory } from '../rig/scratch.ts'

const { values } = parseArgs({
  options: { uri: { type: 'string' }, calls: { type: 'string', default: '5000' }, python: { type: 'string' } },
})
const calls = Number(values.calls)

const python = `
import sys, time, libvirt
conn = libvirt.open(sys.argv[1]); n = int(sys.argv[2])
for name, call in (("version", conn.getLibVersion), ("capabilities", conn.getCapabilities)):
    count = n if name == "version" else n // 20
    for _ in range(50): call()
    times = []; begin = time.perf_counter()
    for _ in range(count):
        t = time.perf_counter(); call(); times.append(time.perf_counter() - t)
    total = time.perf_counter() - begin; times.sort()
    print(f"python_{name}_sequential {count / total:.0f} calls/s")
    print(f"python_{name}_p50 {times[count // 2] * 1e6:.0f} us")
`

function print(name: string, value: number, unit: string): void {
  console.log(`${name} ${value.toFixed(0)} ${unit}`)
}

/** One after the other, then all at once. */
async function measure(name: string, count: number, call: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < 50; i += 1) await call()
  const times: number[] = []
  const begin = performance.now()
  for (let i = 0; i < count; i += 1) {
    const start = performance.now()
    await call()
    times.push(performance.now() - start)
  }
  print(`ours_${name}_sequential`, count / ((performance.now() - begin) / 1000), 'calls/s')
  times.sort((a, b) => a - b)
  print(`ours_${name}_p50`, (times[Math.floor(count / 2)] ?? 0) * 1000, 'us')
  const together = performance.now()
  await Promise.all(Array.from({ length: count }, call))
  print(`ours_${name}_concurrent`, count / ((performance.now() - together) / 1000), 'calls/s')
}

async function bench(connection: Connection, uri: string): Promise<void> {
  await measure('version', calls, () => connection.call(proc.connectGetLibVersion, {}))
  await measure('capabilities', Math.floor(calls / 20), () => connection.call(proc.connectGetCapabilities, {}))
  const argv = [values.python ?? '/usr/bin/python3', '-c', python, uri, String(calls)]
  const output = await run(argv).catch((error: unknown) => {
    if (error instanceof Error && error.message.includes('ModuleNotFoundError')) return 'python_libvirt 0 installed\n'
    throw error
  })
  process.stdout.write(output)
}

if (values.uri) {
  await using connection = await connect(values.uri)
  await bench(connection, values.uri)
} else {
  const dir = scratchDirectory()
  await using host = await startHost({ dir, name: 'bench', owned: true })
  await using connection = await connect(host.uri)
  await bench(connection, host.uri)
  await connection.close()
  await host.stop()
  rmSync(dir, { recursive: true, force: true })
}
