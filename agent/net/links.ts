import type { Link } from './types.ts'

/** The fields of iproute2's JSON that the agent reads. */
interface IpLink {
  ifname: string
  ifindex: number
  flags: string[]
  mtu: number
  address?: string
  master?: string
  link_index?: number
  linkinfo?: { info_kind?: string; info_data?: { stp_state?: number; persist?: boolean } }
  addr_info?: { family: string; local: string; prefixlen: number; scope: string }[]
}

export function parseLinks(json: string): Map<string, Link> {
  const list: IpLink[] = json.trim() === '' ? [] : JSON.parse(json)
  return new Map(list.filter((entry) => entry.ifname !== undefined).map((entry) => [entry.ifname, toLink(entry)]))
}

function toLink(entry: IpLink): Link {
  const { info_kind: kind, info_data: data = {} } = entry.linkinfo ?? {}
  const { master, link_index: peer } = entry
  return {
    name: entry.ifname,
    index: entry.ifindex,
    ...(kind === undefined ? {} : { kind }),
    mac: entry.address ?? '',
    mtu: entry.mtu,
    up: entry.flags.includes('UP'),
    carrier: entry.flags.includes('LOWER_UP'),
    ...(master === undefined ? {} : { master }),
    ...(peer === undefined ? {} : { peer }),
    linkLocal: (entry.addr_info ?? []).some((a) => a.scope === 'link'),
    stp: data.stp_state === 1,
    persistent: data.persist === true,
    addresses: (entry.addr_info ?? []).filter((a) => a.scope !== 'link').map((a) => `${a.local}/${a.prefixlen}`),
  }
}
