import { BlockList, isIP } from 'node:net'

/** Whether a text is an IP address or a range of them in CIDR notation. */
export function isAddressRange(text: string): boolean {
  return rangeOf(text) !== undefined
}

/** Tells whether an address is one of these, each as {@link isAddressRange} takes it. IPv4 in IPv6 (`::ffff:51.250.84.44`) is IPv4. */
export function addressMatcher(ranges: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList()
  for (const text of ranges) {
    const range = rangeOf(text)
    if (range) list.addSubnet(range.address, range.prefix, range.family)
  }
  return (address) => {
    const family = address === undefined ? undefined : familyOf(address)
    return family !== undefined && list.check(address as string, family)
  }
}

function rangeOf(text: string): { address: string; prefix: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [, address = '', length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const family = familyOf(address)
  if (!family) return undefined
  const longest = family === 'ipv4' ? 32 : 128
  const prefix = length === undefined ? longest : Number(length)
  return prefix <= longest ? { address, prefix, family } : undefined
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  // A zone (`fe80::1%eth0`) names an interface of ours, not the other side; no range can hold one.
  if (address.includes('%')) return undefined
  const version = isIP(address)
  return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : undefined
}
