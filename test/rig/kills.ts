// kill -9 of a part of a cloud, and what a cluster or a host's init would do about it.
import type { Cloud } from './cloud.ts'

/** A part that can be killed, and is brought back by someone. */
export interface Victim {
  kill(): Promise<void>
  /** Returns when it has been started; repeatable, and does nothing to what runs. */
  back(): Promise<void>
}

export const victimNames = ['agent', 'controller', 'libvirtd', 'kube-apiserver', 'etcd'] as const
export type VictimName = (typeof victimNames)[number]

/** @param host whose agent and libvirtd are meant */
export function victimsOf(cloud: Cloud, host = 'h1'): Record<VictimName, Victim> {
  const plane = (part: 'kube-apiserver' | 'etcd'): Victim => ({
    kill: () => cloud.plane.kill(part),
    back: () => cloud.plane.start(),
  })
  return {
    agent: { kill: () => cloud.kill(`agent-${host}`), back: () => cloud.startAgent(host) },
    controller: { kill: () => cloud.kill('controller'), back: () => cloud.startController() },
    libvirtd: {
      kill: () => cloud.host(host).killLibvirtd(),
      back: () => cloud.host(host).startLibvirtd(),
    },
    'kube-apiserver': plane('kube-apiserver'),
    etcd: plane('etcd'),
  }
}
