/**
 * IEEE 754 binary16, as the storage format of weights: 1 sign, 5 exponent and 10 fraction bits, kept in a Uint16Array.
 * Node 20 has no Float16Array.
 */

/** largest finite binary16 value */
export const FLOAT16_MAX = 65_504

const INFINITY_BITS = 0x7c00
const QUIET_NAN_BITS = 0x7e00

const scratchFloat = new Float32Array(1)
const scratchBits = new Uint32Array(scratchFloat.buffer)

/** @returns the bits of the nearest binary16 value, ties to even; what lies beyond 65,519.99 becomes infinite */
export function float16Bits(value: number): number {
  scratchFloat[0] = value
  const bits = scratchBits[0]!
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | QUIET_NAN_BITS
  if (magnitude >= 0x47800000) return sign | INFINITY_BITS // 65,536 and more
  if (magnitude < 0x33000000) return sign // less than half of the smallest subnormal, 2^-25
  const exponent = (magnitude >>> 23) - 112
  if (exponent > 0) return sign | roundShift((exponent << 23) | (magnitude & 0x7fffff), 13)
  return sign | roundShift((magnitude & 0x7fffff) | 0x800000, 14 - exponent)
}

/** @returns the value of binary16 bits, exactly */
export function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >>> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  if (exponent === 0) return sign * fraction * 2 ** -24
  return sign * (1024 + fraction) * 2 ** (exponent - 25)
}

/** Converts to binary16; finite values beyond ±65,504 are clamped to it, so that a weight never turns infinite. */
export function toFloat16(values: Float32Array): Uint16Array {
  const result = new Uint16Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    const clamped = Number.isFinite(value) ? Math.min(FLOAT16_MAX, Math.max(-FLOAT16_MAX, value)) : value
    result[i] = float16Bits(clamped)
  }
  return result
}

/** Converts from binary16, exactly. */
export function fromFloat16(bits: Uint16Array): Float32Array {
  const table = valueTable()
  const result = new Float32Array(bits.length)
  for (let i = 0; i < bits.length; i++) result[i] = table[bits[i]!]!
  return result
}

/** value / 2^shift, rounded to nearest, ties to even; a carry into the exponent is the right answer */
function roundShift(value: number, shift: number): number {
  const quotient = value >>> shift
  const remainder = value & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  return remainder > half || (remainder === half && quotient & 1) ? quotient + 1 : quotient
}

let table: Float32Array | undefined

function valueTable(): Float32Array {
  table ??= Float32Array.from({ length: 65_536 }, (_, bits) => float16Value(bits))
  return table
}
