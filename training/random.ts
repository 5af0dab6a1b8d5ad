/**
 * Seeded pseudo-random numbers for everything that training draws on the host: initial weights, shuffles, dropout noise.
 * sfc32 (Chris Doty-Humphrey's Small Fast Counting generator, PractRand), seeded through splitmix32: 128 bits of state,
 * which can be saved and put back, so that a resumed run repeats the numbers of an uninterrupted one.
 */

/** sfc32's a, b, c and counter, as unsigned 32-bit integers. */
export type RandomState = readonly [number, number, number, number]

export interface Random {
  /** uniform on [0, 1), 32 bits */
  next(): number
  /** uniform integer on [0, bound) */
  integer(bound: number): number
  /** normal with mean 0 (Box–Muller, no value kept between calls) */
  normal(standardDeviation?: number): number
  /** a shuffled copy (Fisher–Yates) */
  shuffle<T>(items: readonly T[]): T[]
  /** `length` float32 values, uniform on [0, 1) with 24 bits each: never rounded up to 1 */
  uniformVector(length: number): Float32Array
  /** a generator of its own, decided by this one's seed and the label alone, however much was drawn in between */
  fork(label: string): Random
  state(): RandomState
  restore(state: RandomState): void
}

/** @param seed any integer; equal seeds give equal sequences */
export function createRandom(seed: number): Random {
  const origin = seed >>> 0
  let [a, b, c, counter] = seedState(origin)

  const uint32 = () => {
    const sum = (a + b + counter) >>> 0
    counter = (counter + 1) >>> 0
    a = (b ^ (b >>> 9)) >>> 0
    b = (c + (c << 3)) >>> 0
    c = (((c << 21) | (c >>> 11)) + sum) >>> 0
    return sum
  }
  const next = () => uint32() / 0x1_0000_0000
  const integer = (bound: number) => Math.floor(next() * bound)

  return {
    next,
    integer,
    normal(standardDeviation = 1) {
      const radius = Math.sqrt(-2 * Math.log(1 - next()))
      return standardDeviation * radius * Math.cos(2 * Math.PI * next())
    },
    shuffle(items) {
      const shuffled = items.slice()
      for (let i = shuffled.length - 1; i > 0; i--) {
        const j = integer(i + 1)
        ;[shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!]
      }
      return shuffled
    },
    uniformVector(length) {
      return Float32Array.from({ length }, () => (uint32() >>> 8) / 0x100_0000)
    },
    fork: (label) => createRandom(hash(label, origin)),
    state: () => [a, b, c, counter],
    restore(state) {
      ;[a, b, c, counter] = state
    },
  }
}

function seedState(seed: number): [number, number, number, number] {
  let position = seed
  const splitmix32 = () => {
    position = (position + 0x9e3779b9) >>> 0
    let mixed = position ^ (position >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }
  return [splitmix32(), splitmix32(), splitmix32(), 1]
}

/** FNV-1a over UTF-16 code units, started from the seed. */
function hash(label: string, seed: number): number {
  let value = (0x811c9dc5 ^ seed) >>> 0
  for (let i = 0; i < label.length; i++) value = Math.imul(value ^ label.charCodeAt(i), 0x01000193) >>> 0
  return value
}
