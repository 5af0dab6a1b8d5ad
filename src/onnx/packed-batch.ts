/**
 * A batch without padding, as graphs that run on a GPU take it: the real tokens of all texts one after the other, and where
 * they would stand in the padded batch. Made on the host, since on the device NonZero and the like make it wait.
 *
 *   texts  a b c | d | e f      padded place  0 1 2   real token  0 1 2
 *                                             3 4 5               3 3 3
 *                                             6 7 8               4 5 5
 */
import { ShapeMismatch } from '../errors.js'
import type { EncoderConfig } from '../family/encoder-config.js'
import type { TokenSequence } from './encoder-session.js'
import { MASKED_SCORE } from './portable-model.js'

export class PackedBatch {
  readonly #sequences: readonly TokenSequence[]
  /** texts */
  readonly batch: number
  /** tokens of the longest text */
  readonly longest: number
  /** [batch + 1], tokens before each text, and of all */
  readonly cumulativeLengths: Int32Array

  /** @throws ShapeMismatch when a sequence is empty or longer than the position table */
  constructor(sequences: readonly TokenSequence[], config: Pick<EncoderConfig, 'maxPositions'>) {
    this.#sequences = sequences
    this.batch = sequences.length
    this.longest = longestOf(sequences, config)
    this.cumulativeLengths = new Int32Array(this.batch + 1)
    sequences.forEach(({ inputIds }, text) => {
      this.cumulativeLengths[text + 1] = this.cumulativeLengths[text]! + inputIds.length
    })
  }

  /** of all texts, without padding */
  get tokens(): number {
    return this.cumulativeLengths[this.batch]!
  }

  /** @returns [tokens] */
  tokenIds(): Int32Array {
    const ids = new Int32Array(this.tokens)
    this.#sequences.forEach(({ inputIds }, text) => {
      ids.set(inputIds, this.cumulativeLengths[text])
    })
    return ids
  }

  /** @returns of each token its position in its text, [tokens] */
  positions(): Int32Array {
    return this.#perToken((_, position) => position)
  }

  /** @returns of each token its place in the flattened padded batch, [tokens] */
  placeOfToken(): Int32Array {
    return this.#perToken((text, position) => text * this.longest + position)
  }

  /** @returns `placeOfToken`, and after it the places of padding, [batch, longest] */
  tokenOffset(): Int32Array {
    const places = new Int32Array(this.batch * this.longest)
    places.set(this.placeOfToken())
    let at = this.tokens
    this.#sequences.forEach(({ inputIds }, text) => {
      for (let i = inputIds.length; i < this.longest; i++) places[at++] = text * this.longest + i
    })
    return places
  }

  /** @returns of each padded place the token that stands there, the text's last one where padding would, [batch, longest] */
  tokenOfPlace(): Int32Array {
    return this.#perPlace(Int32Array, (text, position, length) => {
      return this.cumulativeLengths[text]! + Math.min(position, length - 1)
    })
  }

  /** @returns 1 / length where a real token stands, 0 where padding would, [batch, longest] */
  meanWeights(): Float32Array {
    return this.#perPlace(Float32Array, (_, position, length) => (position < length ? 1 / length : 0))
  }

  /** @returns what is added to the score of a key: 0 for a real token, −10,000 for padding, [batch, longest] */
  keyBias(): Float32Array {
    return this.#perPlace(Float32Array, (_, position, length) => (position < length ? 0 : MASKED_SCORE))
  }

  #perToken(value: (text: number, position: number) => number): Int32Array {
    const values = new Int32Array(this.tokens)
    let at = 0
    this.#sequences.forEach(({ inputIds }, text) => {
      for (let position = 0; position < inputIds.length; position++) values[at++] = value(text, position)
    })
    return values
  }

  #perPlace<T extends Int32Array | Float32Array>(
    type: new (length: number) => T,
    value: (text: number, position: number, length: number) => number,
  ): T {
    const values = new type(this.batch * this.longest)
    let at = 0
    this.#sequences.forEach(({ inputIds }, text) => {
      for (let position = 0; position < this.longest; position++) values[at++] = value(text, position, inputIds.length)
    })
    return values
  }
}

/**
 * @returns tokens of the longest sequence
 * @throws ShapeMismatch when a sequence is empty or longer than the position table
 */
export function longestOf(
  sequences: readonly TokenSequence[],
  { maxPositions }: Pick<EncoderConfig, 'maxPositions'>,
): number {
  let longest = 0
  for (const { inputIds } of sequences) {
    if (inputIds.length === 0) throw new ShapeMismatch('a sequence has no tokens')
    longest = Math.max(longest, inputIds.length)
  }
  if (longest <= maxPositions) return longest
  throw new ShapeMismatch(`a sequence has ${longest} tokens, the encoder takes at most ${maxPositions}`)
}
