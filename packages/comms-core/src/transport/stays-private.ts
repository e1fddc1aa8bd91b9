/** https://www.rfc-editor.org/rfc/rfc1918, https://www.rfc-editor.org/rfc/rfc4193, https://www.rfc-editor.org/rfc/rfc6762 */
const PRIVATE_HOSTS = [
  /^127\.\d+\.\d+\.\d+$/,
  /^10\.\d+\.\d+\.\d+$/,
  /^192\.168\.\d+\.\d+$/,
  /^172\.(1[6-9]|2\d|3[01])\.\d+\.\d+$/,
  /^\[::1\]$/,
  /^\[f[cd][0-9a-f]{2}:.*\]$/,
  // Names that no public server has: of this machine, of a container, of the local network.
  /^[a-z0-9_-]+$/,
  /\.(localhost|internal|local)$/,
]

/**
 * Whether a secret that is sent to this URL stays secret on its way: over https, or over http to this machine or a private network.
 * For options of transports that send credentials.
 */
export function staysPrivate(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || (protocol === 'http:' && PRIVATE_HOSTS.some((pattern) => pattern.test(hostname)))
}
