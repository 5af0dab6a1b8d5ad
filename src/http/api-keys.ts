/** API keys: optional, compared in constant time, known to the rest of the server only by their digest. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { Unauthorized } from '../errors.js'
import type { App } from './app-types.js'

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** @returns the key of `Authorization: Bearer KEY` or `X-Api-Key: KEY`, or undefined */
export function presentedKey(headers: Headers): string | undefined {
  const { authorization, 'x-api-key': apiKey } = headers
  const bearer = typeof authorization === 'string' ? /^Bearer +(\S+) *$/i.exec(authorization)?.[1] : undefined
  return bearer ?? (typeof apiKey === 'string' ? apiKey : undefined)
}

/** @returns a predicate over keys whose time does not depend on how much of a key is right, nor on which one it is */
export function keyChecker(keys: readonly string[]): (key: string) => boolean {
  const accepted = keys.map(digest)
  return (key) => {
    const given = digest(key)
    let found = false
    for (const candidate of accepted) found = timingSafeEqual(candidate, given) || found
    return found
  }
}

/** @returns SHA-256 of a key: what a rate limit may hold in its place */
export function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

/** Asks every route for a key, except those marked `open`. Without keys the API is open. */
export function addApiKeys(app: App, keys: readonly string[]): void {
  if (keys.length === 0) return
  const accepts = keyChecker(keys)
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.open) return
    const key = presentedKey(request.headers)
    if (key !== undefined && accepts(key)) return
    reply.header('www-authenticate', 'Bearer realm="lextier"')
    throw new Unauthorized(
      key === undefined
        ? 'this server asks for a key: send "Authorization: Bearer KEY" or "X-Api-Key: KEY"'
        : 'the key that was sent is not one of this server; ask its operator for one',
    )
  })
}
