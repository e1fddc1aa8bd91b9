import { BlockList, isIP } from 'node:net'

/** The range that an IP address or its CIDR notation (`10.0.0.0/8`) stands for; nothing for any other text. */
export function addressRange(text: string): { address: string; prefix: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [, address = '', length] = /^([^/%]*)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const version = isIP(address)
  const bits = version === 4 ? 32 : 128
  const prefix = length === undefined ? bits : Number(length)
  return version === 0 || prefix > bits ? undefined : { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' }
}

const OWN_NETWORKS = new BlockList()
for (const range of ['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', '::1', 'fc00::/7', 'fe80::/10']) {
  const { address, prefix, family } = addressRange(range) as NonNullable<ReturnType<typeof addressRange>>
  OWN_NETWORKS.addSubnet(address, prefix, family)
}

/** Whether a range holds more than the networks of one proxy or provider, such as half of all addresses. */
export function isWideRange({ address, prefix, family }: NonNullable<ReturnType<typeof addressRange>>): boolean {
  if (family === 'ipv4') return prefix < 8
  // IPv4 in IPv6 has 96 bits in front.
  if (/^(0{0,4}:){2,}ffff:/i.test(address)) return prefix < 104
  return prefix < 16 && !(prefix >= 7 && isOwnNetwork(address))
}

/** Whether an address is of this machine or of a private network (RFC 1918, RFC 4193, link-local). */
export function isOwnNetwork(address: string): boolean {
  const version = isIP(address)
  return version !== 0 && OWN_NETWORKS.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

/**
 * The address a request comes from. Anybody can write `X-Forwarded-For`, so it is read only when one of the trusted proxies connects, and
 * from its end: what stands before the first address that is not a proxy's was written by a stranger.
 */
export function remoteAddress(
  trustedProxies: readonly string[],
): (connection: string | undefined, forwardedFor: string | undefined) => string | undefined {
  const proxies = new BlockList()
  for (const text of trustedProxies) {
    const range = addressRange(text)
    if (range) proxies.addSubnet(range.address, range.prefix, range.family)
  }
  const isProxy = (address: string) => proxies.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  return (connection, forwardedFor) => {
    if (connection === undefined || isIP(connection) === 0 || !isProxy(connection)) return connection
    const hops = forwardedFor?.split(',').map((hop) => hop.trim()) ?? []
    for (const hop of hops.toReversed()) {
      if (isIP(hop) === 0) return undefined
      if (!isProxy(hop)) return hop
    }
    return hops[0] ?? connection
  }
}
