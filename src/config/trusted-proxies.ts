/** Addresses of proxies whose word about the caller's address is taken. */
import { isIP } from 'node:net'

/** Of a schema: what `areProxies` checks. */
export const PROXIES_FORMAT = 'proxies'

/** Ranges that have a name: 127.0.0.0/8 and ::1; 169.254.0.0/16 and fe80::/10; the private ones of RFC 1918 and fc00::/7. */
const NAMED = new Set(['loopback', 'linklocal', 'uniquelocal'])
const PREFIX_BITS: Readonly<Record<number, number>> = { 4: 32, 6: 128 }

/** @param text addresses, ranges (`10.0.0.0/8`) or names of ranges, separated by commas */
export function proxyList(text: string): string[] {
  return text.split(',').map((entry) => entry.trim())
}

/** @returns whether each entry of the list is one */
export function areProxies(text: string): boolean {
  return proxyList(text).every((entry) => NAMED.has(entry) || isRange(entry))
}

function isRange(entry: string): boolean {
  const [address = '', bits, ...rest] = entry.split('/')
  const most = PREFIX_BITS[isIP(address)]
  if (most === undefined || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most)
}
