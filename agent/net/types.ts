/** The desired and the observed state that plan() compares, and the commands that it returns. */
import type { FixedIP, Interface } from '../../crds/kinds/server-status.ts'
import type { Rules } from './rules.ts'

/** The network part of a server that is on this host or about to be migrated here. */
export interface HostedGuest {
  /** The server's UUID. */
  readonly id: string
  /** DHCP gives it to the guest. */
  readonly hostname?: string
  readonly interfaces: readonly Interface[]
}

/** An interface with the device names that the domain's XML needs. */
export type PluggedInterface = Omit<Interface, 'bridge'> & {
  readonly bridge: string
  readonly tap: string
}

export interface DesiredPort {
  readonly tap: string
  readonly mac: string
  /** If true, the guest may only send frames from its MAC and its addresses. */
  readonly portSecurity: boolean
  readonly fixedIPs: readonly FixedIP[]
  readonly hostname?: string
}

/** The texts of dnsmasq's three files: see dnsmasq-config.ts. */
export interface DnsmasqConfig {
  readonly conf: string
  readonly hosts: string
  readonly opts: string
}

export interface DesiredDhcp {
  readonly mac: string
  /** With prefix length, such as 10.0.0.2/24. */
  readonly addresses: readonly string[]
  readonly config: DnsmasqConfig
}

export interface DesiredNetwork {
  readonly key: string
  /** namespace/name, for messages. */
  readonly name: string
  readonly bridge: string
  /** False for a bridge that the host's administrator made: the agent connects guests to it and never changes it. */
  readonly ownBridge: boolean
  readonly uplink?: string
  readonly mtu: number
  readonly ports: readonly DesiredPort[]
  /** Absent if no port on this host gets its address by DHCP. */
  readonly dhcp?: DesiredDhcp
}

/** A network device as the kernel reports it. */
export interface Link {
  readonly name: string
  readonly index: number
  readonly kind?: string
  readonly mac: string
  readonly mtu: number
  readonly up: boolean
  /** For a tap: whether a process (QEMU) has it open. */
  readonly carrier: boolean
  readonly master?: string
  /** Index of the device at the other end of a veth pair. */
  readonly peer?: number
  /** Whether it has a link-local address. */
  readonly linkLocal: boolean
  readonly stp: boolean
  /** True for a tap that the kernel keeps after the process that had it open has ended. */
  readonly persistent: boolean
  /** With prefix length; link-local addresses are left out. */
  readonly addresses: readonly string[]
}

export interface ObservedDhcp {
  /** Ids of the dnsmasq processes that use this network's files. */
  readonly pids: readonly number[]
  /** The configuration that the process has read, if the agent knows it. */
  readonly applied?: DnsmasqConfig
}

export interface Observed {
  readonly links: ReadonlyMap<string, Link>
  /**
   * The agent's DHCP namespaces by network key, each with its device if there is one. `broken`: the name is there but
   * no namespace behind it. `unread`: the namespace was not entered, because its network was not asked for.
   */
  readonly namespaces: ReadonlyMap<string, { device?: Link } | 'broken' | 'unread'>
  /** By network key, for each network that has dnsmasq files or processes. */
  readonly dhcp: ReadonlyMap<string, ObservedDhcp>
  /** The nftables rules in force; undefined if the agent cannot tell. */
  readonly rules: Rules | undefined
}

/**
 * A failed command ends the commands with the same `key` (network). A failed command without a key ends the whole run.
 */
export type Command = { readonly key?: string } & (
  | {
      readonly do: 'exec'
      readonly argv: readonly [string, ...string[]]
      readonly input?: string
      /**
       * A failure with this text on stderr counts as success: the device to delete is gone already, for example because
       * the kernel deleted the namespace of the pair's other end.
       */
      readonly ignoredError?: string
    }
  | { readonly do: 'rules'; readonly from: Rules | undefined; readonly to: Rules }
  | { readonly do: 'write'; readonly path: string; readonly text: string }
  | { readonly do: 'remove'; readonly path: string }
  | { readonly do: 'reload' | 'stop'; readonly pid: number }
)
