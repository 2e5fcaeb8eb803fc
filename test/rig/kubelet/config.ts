import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { stringify } from 'yaml'
import { IDLE_IMAGE } from './idle-image.ts'

export interface NodeConfig {
  /** node.sh mounts the subdirectories etc/… and var/… of this directory in the host, at /etc/… and /var/…. */
  home: string
  podSubnet: string
  /** Content of the kubelet's kubeconfig. */
  kubeletKubeconfig: string
  /** Path of kube-proxy's kubeconfig. */
  proxyKubeconfig: string
}

/**
 * On some machines, root is not allowed to lower OOM scores. Without `restrict_oom_score_adj`, containers fail on these
 * machines.
 */
const containerdConfig = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${IDLE_IMAGE}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "/etc/cni/net.d"
`

const kubeletConfig = {
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: 'AlwaysAllow' },
  failCgroupV1: false,
  failSwapOn: false,
  cgroupDriver: 'cgroupfs',
  enforceNodeAllocatable: [],
  containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
  // The cloud has no DNS, so nothing answers here. Without an address, the kubelet warns in events of each Pod.
  clusterDNS: ['10.230.0.10'],
  clusterDomain: 'cluster.local',
  resolvConf: '/dev/null',
  evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
}

export function writeNodeConfig({ home, podSubnet, kubeletKubeconfig, proxyKubeconfig }: NodeConfig): void {
  const bridge = {
    type: 'bridge',
    bridge: 'cni0',
    isGateway: true,
    ipMasq: true,
    ipam: { type: 'host-local', ranges: [[{ subnet: podSubnet }]], routes: [{ dst: '0.0.0.0/0' }] },
  }
  const proxy = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig: proxyKubeconfig },
    // Leave the machine's limits of connection tracking as they are.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  }
  const files: Record<string, string> = {
    'etc/containerd/config.toml': containerdConfig,
    'etc/cni/net.d/10-pods.conflist': JSON.stringify({ cniVersion: '0.4.0', name: 'pods', plugins: [bridge] }),
    'var/lib/kubelet/config.yaml': stringify(kubeletConfig),
    'var/lib/kubelet/proxy.yaml': stringify(proxy),
    'var/lib/kubelet/kubeconfig': kubeletKubeconfig,
  }
  for (const [name, text] of Object.entries(files)) {
    const path = join(home, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text, { mode: 0o600 })
  }
}
