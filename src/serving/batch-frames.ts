/** Batches and their logits as frames. */
import { newFrame } from './frames.js'
import type { RunWidth } from './run-width.js'

/** A batch on its way to an engine. */
export interface BatchFrame {
  readonly batchId: number
  /** which tier, as `tierId` names it */
  readonly tier: string
  readonly width: RunWidth
  /** token ids with special tokens */
  readonly sequences: readonly Int32Array[]
}

/** Its answer. */
export interface LogitsFrame {
  readonly batchId: number
  /** inside the engine, to single precision */
  readonly inferenceMs: number
  /** [sequences, labels], row-major */
  readonly logits: Float32Array
}

const WIDTHS: readonly RunWidth[] = ['wide', 'narrow']
/** words before the lengths of rows */
const HEAD = 4
const TEXT = { to: new TextEncoder(), from: new TextDecoder() }

/** Words: batch, rows, bytes of the tier's name, its width's number, each row's length, all rows' tokens, the name. */
export function encodeBatch({ batchId, tier, width, sequences }: BatchFrame): Uint8Array {
  const name = TEXT.to.encode(tier)
  const rows = sequences.length
  const tokens = sequences.reduce((sum, { length }) => sum + length, 0)
  const { bytes, words } = newFrame(HEAD + rows + tokens + Math.ceil(name.length / 4))
  words.set([batchId, rows, name.length, WIDTHS.indexOf(width)])
  let at = HEAD + rows
  sequences.forEach((sequence, row) => {
    words[HEAD + row] = sequence.length
    words.set(sequence, at)
    at += sequence.length
  })
  new Uint8Array(words.buffer, words.byteOffset + 4 * at).set(name)
  return bytes
}

export function decodeBatch(words: Int32Array): BatchFrame {
  const [batchId, rows, nameBytes, width] = words as unknown as [number, number, number, number]
  let at = HEAD + rows
  const sequences = Array.from({ length: rows }, (_, row) => {
    const start = at
    at += words[HEAD + row]!
    return words.subarray(start, at)
  })
  const name = new Uint8Array(words.buffer, words.byteOffset + 4 * at, nameBytes)
  return { batchId, tier: TEXT.from.decode(name), width: WIDTHS[width]!, sequences }
}

/** Words: batch, inference time, logits; the last two as single floats. */
export function encodeLogits({ batchId, inferenceMs, logits }: LogitsFrame): Uint8Array {
  const { bytes, words } = newFrame(2 + logits.length)
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length)
  words[0] = batchId
  floats[1] = inferenceMs
  floats.set(logits, 2)
  return bytes
}

export function decodeLogits(words: Int32Array): LogitsFrame {
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length)
  return { batchId: words[0]!, inferenceMs: floats[1]!, logits: floats.subarray(2) }
}
