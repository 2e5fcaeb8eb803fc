import type { Cloud } from './cloud.ts'

export interface Victim {
  kill(): Promise<void>
  /** Starts the process again unless it runs. */
  restore(): Promise<void>
}

export const victimNames = ['agent', 'controller', 'libvirtd', 'kube-apiserver', 'etcd'] as const
export type VictimName = (typeof victimNames)[number]

/** @param host the host whose agent and libvirtd are among the victims */
export function victimsOf(cloud: Cloud, host = 'h1'): Record<VictimName, Victim> {
  const plane = (part: 'kube-apiserver' | 'etcd'): Victim => ({
    kill: () => cloud.plane.kill(part),
    restore: () => cloud.plane.start(),
  })
  return {
    agent: { kill: () => cloud.kill(`agent-${host}`), restore: () => cloud.startAgent(host) },
    controller: { kill: () => cloud.kill('controller'), restore: () => cloud.startController() },
    libvirtd: {
      kill: () => cloud.host(host).killLibvirtd(),
      restore: () => cloud.host(host).startLibvirtd(),
    },
    'kube-apiserver': plane('kube-apiserver'),
    etcd: plane('etcd'),
  }
}
