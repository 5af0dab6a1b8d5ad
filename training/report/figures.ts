/** How figures are written for people. Minus signs are real ones, intervals stand in brackets. */
import type { Estimate } from '../../src/family/family-schema.js'

export function decimal(value: number, digits = 3): string {
  return signless(value.toFixed(digits))
}

export function percent(share: number, digits = 1): string {
  return `${decimal(100 * share, digits)}%`
}

/** `2.2e−3` */
export function scientific(value: number): string {
  return value.toExponential(1).replaceAll('-', '−')
}

/** @returns a p-value; small ones as an upper bound */
export function pValue(p: number): string {
  return p < 0.001 ? '< 0.001' : p.toFixed(3)
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}

export function milliseconds(ms: number): string {
  return ms >= 100 ? whole(ms) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2)
}

export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

export function percentInterval({ low, high }: Estimate): string {
  return `[${decimal(100 * low, 1)}, ${decimal(100 * high, 1)}]`
}

export function interval({ low, high }: Estimate, digits = 3): string {
  return `[${decimal(low, digits)}, ${decimal(high, digits)}]`
}

/** A difference of shares in points of a hundred, signed. */
export function points(difference: number): string {
  return signed(100 * difference, 1)
}

export function signed(value: number, digits = 3): string {
  const text = decimal(value, digits)
  return value > 0 && Number(value.toFixed(digits)) !== 0 ? `+${text}` : text
}

/** "a, b and c" */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

/** No "−0.0", and a minus sign in place of a hyphen. */
function signless(text: string): string {
  return /^-0\.?0*$/.test(text) ? text.slice(1) : text.replace('-', '−')
}
