import type { Cloud } from '../rig/cloud.ts'

const services = ['controller', 'agent-h1']

/** Returns an empty list if agent and controller are ready and idle. */
export async function listOngoingWork(cloud: Cloud): Promise<string[]> {
  return (await Promise.all(services.map((name) => listWorkOf(name, cloud)))).flat()
}

async function listWorkOf(name: string, cloud: Cloud): Promise<string[]> {
  try {
    const { url } = cloud.service(name)
    const get = (path: string) => fetch(`${url}${path}`, { signal: AbortSignal.timeout(5_000) })
    const ready = await get('/readyz')
    if (!ready.ok) return [`${name} is not ready: ${await ready.text()}`]
    const metrics = await (await get('/metrics')).text()
    return metrics.split('\n').flatMap((line) => (showsWork(line) ? [`${name}: ${line}`] : []))
  } catch (error) {
    return [`${name} does not answer: ${String(error)}`]
  }
}

function showsWork(line: string): boolean {
  if (line.startsWith('workqueue_depth{') || line.startsWith('controller_runtime_active_workers{'))
    return !line.endsWith(' 0')
  return line.startsWith('leader_election_master_status{') && !line.endsWith(' 1')
}
