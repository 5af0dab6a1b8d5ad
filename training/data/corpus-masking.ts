import { ShapeMismatch } from '../../src/errors.js'
import type { HostTensors } from '../../src/family/tensor.js'
import type { Random } from '../random.js'
import { padBatch } from './pad-batch.js'

export interface MaskingOptions {
  /** share of a sequence's tokens that are predicted; BERT's 0.15 */
  readonly share: number
  /** [MASK] */
  readonly maskId: number
  readonly padId: number
  /** ids of the vocabulary that stand for no text; the others are drawn as random replacements */
  readonly specialIds: ReadonlySet<number>
  readonly vocabSize: number
}

/** Of the chosen places, BERT masks 80%, replaces 10% by a random token, and leaves 10% as they are. */
const MASKED = 0.8
const REPLACED = 0.1

/**
 * A padded batch of which some tokens are hidden: of a sequence's n tokens, [CLS] and [SEP] included, round(share · n), at
 * least one and never a special one. All batches of a padded length have the same shape: `inputIds` and `attentionMask`
 * int32 [batch, paddedLength]; `maskedPositions` and `maskedIds` (what stood there) int32 [batch, places], `maskedWeights`
 * float32 [batch, places], with `places` = placesOf(paddedLength, share) and weight 0 for places that a short row leaves free.
 * @param random decides the places and what becomes of them: fork it by step
 * @throws ShapeMismatch when a sequence is longer than the batch
 * @see Devlin et al. 2019, appendix A.1, and create_pretraining_data.py beside it
 */
export function maskedBatch(
  sequences: readonly Int32Array[],
  paddedLength: number,
  options: MaskingOptions,
  random: Random,
): HostTensors {
  const { share, specialIds, padId } = options
  const places = placesOf(paddedLength, share)
  const positions = new Int32Array(sequences.length * places)
  const ids = new Int32Array(sequences.length * places)
  const weights = new Float32Array(sequences.length * places)
  const hidden = sequences.map((sequence, row) => {
    const text = [...sequence.keys()].filter((position) => !specialIds.has(sequence[position]!))
    const count = Math.min(places, text.length, Math.max(1, Math.round(share * sequence.length)))
    const altered = sequence.slice()
    for (const [place, position] of chosen(text, count, random).entries()) {
      positions[row * places + place] = position
      ids[row * places + place] = sequence[position]!
      weights[row * places + place] = 1
      altered[position] = replacement(sequence[position]!, options, random)
    }
    return altered
  })
  const shape = [sequences.length, places]
  return {
    ...padBatch(hidden, paddedLength, padId),
    maskedPositions: { shape, values: positions },
    maskedIds: { shape, values: ids },
    maskedWeights: { shape, values: weights },
  }
}

/** @returns the most places that a row of this length can have */
export function placesOf(paddedLength: number, share: number): number {
  return Math.max(1, Math.round(share * paddedLength))
}

/** @returns `count` of the positions, ascending */
function chosen(positions: number[], count: number, random: Random): number[] {
  // the first `count` places of a Fisher-Yates shuffle
  for (let i = 0; i < count; i++) {
    const j = i + random.integer(positions.length - i)
    ;[positions[i], positions[j]] = [positions[j]!, positions[i]!]
  }
  return positions.slice(0, count).sort((a, b) => a - b)
}

function replacement(id: number, { maskId, specialIds, vocabSize }: MaskingOptions, random: Random): number {
  const kind = random.next()
  if (kind < MASKED) return maskId
  if (kind >= MASKED + REPLACED) return id
  for (;;) {
    const drawn = random.integer(vocabSize)
    if (!specialIds.has(drawn)) return drawn
  }
}

/**
 * The model that knows nothing but how often each token occurs: its mean −log p on other sequences, in nats, special tokens
 * left out, with one occurrence added for every entry of the vocabulary; and how often the most frequent token is right.
 * @throws ShapeMismatch when the sequences hold no text
 */
export function unigramBaseline(
  train: readonly Int32Array[],
  validation: readonly Int32Array[],
  { specialIds, vocabSize }: Pick<MaskingOptions, 'specialIds' | 'vocabSize'>,
): { nll: number; accuracy: number } {
  const counts = (sequences: readonly Int32Array[]) => {
    const found = new Float64Array(vocabSize)
    for (const sequence of sequences) for (const id of sequence) if (!specialIds.has(id)) found[id]!++
    return found
  }
  const [seen, asked] = [counts(train), counts(validation)]
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0)
  const total = sum(seen) + vocabSize - specialIds.size
  const tokens = sum(asked)
  if (tokens === 0) throw new ShapeMismatch('the validation windows hold no text')
  let nll = 0
  for (const [id, count] of asked.entries()) if (count > 0) nll -= (count / tokens) * Math.log((seen[id]! + 1) / total)
  const commonest = seen.reduce((best, count, id) => (count > seen[best]! ? id : best), 0)
  return { nll, accuracy: asked[commonest]! / tokens }
}
