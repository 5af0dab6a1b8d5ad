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
  /** 0, 1, 2 …, as many as the padded batch has places: copying from it is quicker than counting again */
  readonly #count: Int32Array
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
    const count = new Int32Array(this.batch * this.longest)
    for (let place = 0; place < count.length; place++) count[place] = place
    this.#count = count
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

  /** @returns of each padded place the id that stands there, 0 where padding would, [batch, longest] */
  idsOfPlaces(): Int32Array {
    const ids = new Int32Array(this.batch * this.longest)
    this.#sequences.forEach(({ inputIds }, text) => {
      ids.set(inputIds, text * this.longest)
    })
    return ids
  }

  /** @returns of each token its position in its text, [tokens] */
  positions(): Int32Array {
    const positions = new Int32Array(this.tokens)
    this.#perText((first, length) => positions.set(this.#count.subarray(0, length), first))
    return positions
  }

  /** @returns of each token its place in the flattened padded batch, [tokens] */
  placeOfToken(): Int32Array {
    return this.tokenOffset().subarray(0, this.tokens)
  }

  /** @returns `placeOfToken`, and after it the places of padding, [batch, longest] */
  tokenOffset(): Int32Array {
    const places = new Int32Array(this.batch * this.longest)
    let padding = this.tokens
    this.#perText((first, length, place) => {
      places.set(this.#count.subarray(place, place + length), first)
      places.set(this.#count.subarray(place + length, place + this.longest), padding)
      padding += this.longest - length
    })
    return places
  }

  /** @returns of each padded place the token that stands there, the text's last one where padding would, [batch, longest] */
  tokenOfPlace(): Int32Array {
    const tokens = new Int32Array(this.batch * this.longest)
    this.#perText((first, length, place) => {
      tokens.set(this.#count.subarray(first, first + length), place)
      tokens.fill(first + length - 1, place + length, place + this.longest)
    })
    return tokens
  }

  /** @returns 1 / length where a real token stands, 0 where padding would, [batch, longest] */
  meanWeights(): Float32Array {
    const weights = new Float32Array(this.batch * this.longest)
    this.#perText((_, length, place) => weights.fill(1 / length, place, place + length))
    return weights
  }

  /** @returns what is added to the score of a key: 0 for a real token, −10,000 for padding, [batch, longest] */
  keyBias(): Float32Array {
    const bias = new Float32Array(this.batch * this.longest)
    this.#perText((_, length, place) => bias.fill(MASKED_SCORE, place + length, place + this.longest))
    return bias
  }

  /** With each text's first token, its length, and its first place in the flattened padded batch. */
  #perText(visit: (first: number, length: number, place: number) => void): void {
    this.#sequences.forEach(({ inputIds }, text) => {
      visit(this.cumulativeLengths[text]!, inputIds.length, text * this.longest)
    })
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
