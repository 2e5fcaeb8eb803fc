import type { FixedIP, Interface } from '../../crds/kinds/server-status.ts'
import type { Rules } from './rules.ts'

/** A Server that the host runs or is about to receive by migration. */
export interface HostedGuest {
  /** The Server's UUID. */
  readonly id: string
  readonly hostname?: string
  readonly interfaces: readonly Interface[]
}

/** An interface with the names of its bridge and tap, which the domain's XML needs. */
export type PluggedInterface = Omit<Interface, 'bridge'> & {
  readonly bridge: string
  readonly tap: string
}

export interface DesiredPort {
  readonly tap: string
  readonly mac: string
  /** If true, the guest may send frames only from its own MAC and addresses. */
  readonly portSecurity: boolean
  readonly fixedIPs: readonly FixedIP[]
  readonly hostname?: string
}

export interface DnsmasqConfig {
  readonly conf: string
  readonly hosts: string
  readonly opts: string
}

export interface DesiredDhcp {
  readonly mac: string
  /** The DHCP server's addresses with prefix length, such as 10.0.0.2/24. */
  readonly addresses: readonly string[]
  readonly config: DnsmasqConfig
}

export interface DesiredNetwork {
  readonly key: string
  /** The Network's namespace/name, for messages. */
  readonly name: string
  readonly bridge: string
  /** If the host's administrator made the bridge, the agent connects guests to it and never changes it. */
  readonly ownBridge: boolean
  readonly uplink?: string
  readonly mtu: number
  readonly ports: readonly DesiredPort[]
  /** Undefined if no port on this host gets its address by DHCP. */
  readonly dhcp?: DesiredDhcp
}

export interface Link {
  readonly name: string
  readonly index: number
  readonly kind?: string
  readonly mac: string
  readonly mtu: number
  readonly up: boolean
  /** A tap has a carrier while a process (QEMU) has it open. */
  readonly carrier: boolean
  readonly master?: string
  /** The index of the other end of a veth device. */
  readonly peer?: number
  /** Whether the device has a link-local address. */
  readonly linkLocal: boolean
  readonly stp: boolean
  /** Whether the tap remains when the process that opened it has ended. */
  readonly persistent: boolean
  /** The device's addresses with prefix length, except link-local ones. */
  readonly addresses: readonly string[]
}

export interface ObservedDhcp {
  /** Ids of the dnsmasq processes that use this network's files. A healthy network with DHCP has exactly one. */
  readonly pids: readonly number[]
  /** The configuration that the dnsmasq process has read; undefined if the agent cannot tell. */
  readonly applied?: DnsmasqConfig
}

export interface Observed {
  readonly links: ReadonlyMap<string, Link>
  /**
   * The namespaces of the DHCP servers by network key (names.ts), each with its veth device if it has one. 'broken':
   * only a name without a namespace. 'unread': the caller did not ask for this network.
   */
  readonly namespaces: ReadonlyMap<string, { device?: Link } | 'broken' | 'unread'>
  /** The state of the DHCP server of each network that has dnsmasq files or processes, by network key (names.ts). */
  readonly dhcp: ReadonlyMap<string, ObservedDhcp>
  /** The nftables rules in force; undefined if the agent cannot tell. */
  readonly rules: Rules | undefined
}

/**
 * If a command fails, the remaining commands with the same network key are skipped. If it has no key, all remaining
 * commands are skipped.
 */
export type Command = { readonly key?: string } & (
  | {
      readonly do: 'exec'
      readonly argv: readonly [string, ...string[]]
      readonly input?: string
      /** If stderr contains this text, the program counts as successful: the device to delete is gone already. */
      readonly ignoredError?: string
    }
  | { readonly do: 'rules'; readonly from: Rules | undefined; readonly to: Rules }
  | { readonly do: 'write'; readonly path: string; readonly text: string }
  | { readonly do: 'remove'; readonly path: string }
  | { readonly do: 'reload' | 'stop'; readonly pid: number }
)
