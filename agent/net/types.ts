/** The two sides that plan() compares, and what it answers with. */
import type { FixedIP, Interface } from '../../crds/kinds/server-status.ts'
import type { Rules } from './rules.ts'

/** A server on this host (or about to come here), as far as the network is concerned. */
export interface HostedGuest {
  /** The server's UUID. */
  readonly id: string
  /** Told to the guest by DHCP. */
  readonly hostname?: string
  readonly interfaces: readonly Interface[]
}

/** An interface with the names that its domain needs. */
export type PluggedInterface = Omit<Interface, 'bridge'> & {
  readonly bridge: string
  readonly tap: string
}

export interface DesiredPort {
  readonly tap: string
  readonly mac: string
  /** true: only frames from its MAC and its addresses pass. */
  readonly portSecurity: boolean
  readonly fixedIPs: readonly FixedIP[]
  readonly hostname?: string
}

/** dnsmasq's files: see dhcp-texts.ts. */
export interface DhcpTexts {
  readonly conf: string
  readonly hosts: string
  readonly opts: string
}

export interface DesiredDhcp {
  readonly mac: string
  /** With prefix length: 10.0.0.2/24. */
  readonly addresses: readonly string[]
  readonly texts: DhcpTexts
}

export interface DesiredNetwork {
  readonly key: string
  /** For messages: namespace/name. */
  readonly name: string
  readonly bridge: string
  /** false: the host's own bridge, that is only used. */
  readonly ownBridge: boolean
  readonly uplink?: string
  readonly mtu: number
  readonly ports: readonly DesiredPort[]
  /** Absent: no port on this host is given its address by DHCP. */
  readonly dhcp?: DesiredDhcp
}

/** A network device as the kernel has it. */
export interface Link {
  readonly name: string
  readonly index: number
  readonly kind?: string
  readonly mac: string
  readonly mtu: number
  readonly up: boolean
  /** false for a tap: no process holds it. */
  readonly carrier: boolean
  readonly master?: string
  /** Index of the other end of a veth pair. */
  readonly peer?: number
  /** Whether it has a link-local address. */
  readonly linkLocal: boolean
  readonly stp: boolean
  /** A tap that stays when no process holds it. */
  readonly persistent: boolean
  /** With prefix length, without link-local ones. */
  readonly addresses: readonly string[]
}

export interface ObservedDhcp {
  /** dnsmasq processes that run on this network's files. */
  readonly pids: readonly number[]
  /** The texts that the process is known to have read. */
  readonly applied?: DhcpTexts
}

export interface Observed {
  readonly links: ReadonlyMap<string, Link>
  /** Our DHCP namespaces by key, with their device if it is there; broken: the name stands for no namespace. */
  readonly namespaces: ReadonlyMap<string, { device?: Link } | 'broken' | 'unread'>
  /** By key: for each network that has files or processes. */
  readonly dhcp: ReadonlyMap<string, ObservedDhcp>
  /** The rules in force; undefined: not known. */
  readonly rules: Rules | undefined
}

/** `key`: the network it is for; a failure stops this network only. Without a key: needed by all that follow. */
export type Command = { readonly key?: string } & (
  | {
      readonly do: 'exec'
      readonly argv: readonly [string, ...string[]]
      readonly input?: string
      /** Said on stderr when what shall go is gone already, such as a pair whose other end's namespace has just ended. */
      readonly already?: string
    }
  | { readonly do: 'rules'; readonly from: Rules | undefined; readonly to: Rules }
  | { readonly do: 'write'; readonly path: string; readonly text: string }
  | { readonly do: 'remove'; readonly path: string }
  | { readonly do: 'reload' | 'stop'; readonly pid: number }
)
