import { InvalidConfiguration } from '../errors.js'

const BUNDLED_DEFAULT = 'scotus-outcome'

/**
 * @param names families that can be asked for, by name
 * @returns the family of requests that name none: the one configured, else scotus-outcome, else the first; undefined when
 *   there is none
 * @throws InvalidConfiguration when the configured one is not there
 */
export function defaultFamily(names: readonly string[], configured: string | undefined): string | undefined {
  if (configured === undefined) return names.includes(BUNDLED_DEFAULT) ? BUNDLED_DEFAULT : names[0]
  if (names.includes(configured)) return configured
  throw new InvalidConfiguration(
    'LEXTIER_DEFAULT_FAMILY (--default-family)',
    `there is no family "${configured}"; give one of ${names.join(', ') || '(none)'}`,
  )
}
