import { InvalidConfiguration } from '../errors.js'

/** `--threads` as an option of whatever opens a session. @throws InvalidConfiguration unless it is 1 or more */
export function threadsOption({ threads }: { readonly threads?: string }): { threads?: number } {
  if (threads === undefined) return {}
  const count = Number(threads)
  if (!Number.isInteger(count) || count < 1) throw new InvalidConfiguration('--threads', 'an integer of 1 or more')
  return { threads: count }
}
