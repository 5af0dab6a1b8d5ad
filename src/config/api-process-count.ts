/** How many processes answer HTTP. Pure. */
import { InvalidConfiguration } from '../errors.js'

/** CPUs to each: the scheduler, the engines and their drivers have the others. */
const CPUS_EACH = 4
/** What one scheduler keeps busy. */
const MOST = 8

export interface ApiProcessSources {
  readonly asked: 'auto' | number
  /** that this process may use */
  readonly cpus: number
  /** whether a GPU computes: the CPUs are then free for requests */
  readonly onGpu: boolean
  readonly rateLimited: boolean
}

/** @throws InvalidConfiguration for several processes and a rate limit, which is counted in one */
export function apiProcessCount({ asked, cpus, onGpu, rateLimited }: ApiProcessSources): number {
  if (asked === 'auto') return onGpu && !rateLimited ? Math.max(1, Math.min(MOST, Math.floor(cpus / CPUS_EACH))) : 1
  if (asked > 1 && rateLimited) {
    throw new InvalidConfiguration(
      'LEXTIER_API_PROCESSES (--api-processes)',
      'a rate limit is counted in one process; give 1, or limit the rate in a proxy before the server',
    )
  }
  return asked
}
