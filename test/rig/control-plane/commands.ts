import { join } from 'node:path'
import type { Binary } from '../binaries.ts'
import type { ControlPlaneState, Part } from '../control-plane.ts'

/**
 * Each command line is a function, because it contains the path of the binary. This path is known only if the process
 * is to be started.
 */
export type Commands = Record<Part, () => string[]>

export function commandsOf(
  binaries: Record<Binary, string>,
  dir: string,
  kubeconfigs: { manager: string; scheduler: string },
  { address, ports, audit, pods }: ControlPlaneState,
): Commands {
  const etcd = `http://127.0.0.1:${ports.etcd}`
  const peer = `http://127.0.0.1:${ports.peer}`
  const key = join(dir, 'sa.key')
  return {
    etcd: () => [
      binaries.etcd,
      `--data-dir=${join(dir, 'etcd')}`,
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      // The data must survive kill -9, but not a power failure. After kill -9 the kernel still writes its page cache,
      // so etcd need not call fsync.
      '--unsafe-no-fsync',
      '--log-level=warn',
    ],
    'kube-apiserver': () => [
      binaries['kube-apiserver'],
      `--etcd-servers=${etcd}`,
      `--bind-address=${address}`,
      `--secure-port=${ports.api}`,
      `--advertise-address=${address}`,
      // Only Pods need endpoints of the Service `kubernetes`. Without Pods the address may be a loopback address, which
      // the endpoint reconciler rejects.
      `--endpoint-reconciler-type=${pods ? 'master-count' : 'none'}`,
      // The API server cannot resolve the names of nodes.
      '--kubelet-preferred-address-types=InternalIP',
      `--cert-dir=${join(dir, 'certs')}`,
      `--token-auth-file=${join(dir, 'tokens.csv')}`,
      '--authorization-mode=Node,RBAC',
      // The agent of the Helm chart is privileged.
      '--allow-privileged=true',
      '--service-cluster-ip-range=10.230.0.0/24',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${key}`,
      `--service-account-signing-key-file=${key}`,
      ...(audit
        ? [
            `--audit-policy-file=${join(import.meta.dirname, 'audit-policy.yaml')}`,
            `--audit-log-path=${join(dir, 'audit.log')}`,
            '--audit-log-mode=blocking',
          ]
        : []),
    ],
    'kube-controller-manager': () => [
      binaries['kube-controller-manager'],
      `--kubeconfig=${kubeconfigs.manager}`,
      // Gives each controller its own ServiceAccount, so that admission policies and RBAC see the same user names as in
      // a kubeadm cluster.
      '--use-service-account-credentials',
      `--service-account-private-key-file=${key}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${ports.manager}`,
      `--cert-dir=${join(dir, 'certs')}`,
      '--leader-elect=false',
      // Each namespace gets these certificates, with which its Pods verify the API server.
      `--root-ca-file=${join(dir, 'certs/apiserver.crt')}`,
      ...(pods ? [] : [CONTROLLERS_WITHOUT_PODS]),
    ],
    'kube-scheduler': () => [
      binaries['kube-scheduler'],
      `--kubeconfig=${kubeconfigs.scheduler}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${ports.scheduler}`,
      '--leader-elect=false',
    ],
  }
}

const CONTROLLERS_WITHOUT_PODS =
  '--controllers=garbage-collector-controller,namespace-controller,serviceaccount-controller,clusterrole-aggregation-controller,validatingadmissionpolicy-status-controller'
