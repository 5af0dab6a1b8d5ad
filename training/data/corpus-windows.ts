import { DataInvalid } from '../../src/errors.js'
import type { TextTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { planWindows, withSpecialTokens } from '../../src/tokenizer/windows.js'
import { createRandom } from '../random.js'
import type { CorpusFile, CorpusSummary } from './corpus-file.js'

export interface CorpusWindowOptions {
  /** longest window, special tokens included */
  readonly maxTokens: number
  /** share of the documents that validate, in (0, 1) */
  readonly validation: number
  /** any integer; equal seeds give equal sides */
  readonly seed: number
  /** windows with fewer tokens than this, special tokens aside, are left out; 8 unless told otherwise */
  readonly minTokens?: number | undefined
}

/** An unlabelled corpus as a model reads it: every document in windows of [CLS] … [SEP]. */
export interface CorpusWindows {
  readonly train: readonly Int32Array[]
  readonly validation: readonly Int32Array[]
  readonly summary: CorpusSummary
  /** tokens of the training windows, special tokens aside */
  readonly trainTokens: number
  /** windows left out because they are too short */
  readonly tooShort: number
}

/** Documents that are tokenised at once. */
const DOCUMENTS_A_BATCH = 64

/**
 * Cuts whole documents into windows; those of a long document are all full, the last one ends with it. Which side a document
 * is on follows from its text and the seed alone, so that equal documents are never on both, and the order of the file does
 * not matter.
 * @param name of the corpus, for errors
 * @throws DataInvalid when a side has no window, and whatever reading the file throws
 */
export async function corpusWindows(
  name: string,
  corpus: CorpusFile,
  tokenizer: TextTokenizer,
  options: CorpusWindowOptions,
): Promise<CorpusWindows> {
  const { maxTokens, validation: share, seed, minTokens = 8 } = options
  const sides = { train: [] as Int32Array[], validation: [] as Int32Array[] }
  const random = createRandom(seed)
  let tooShort = 0
  let trainTokens = 0
  const take = async (texts: readonly string[]) => {
    for (const [i, { ids }] of (await tokenizer.encodeBatch(texts)).entries()) {
      const side = random.fork(texts[i]!).next() < share ? 'validation' : 'train'
      for (const { start, end } of planWindows(ids.length, maxTokens, 0)) {
        if (end - start < minTokens) tooShort++
        else {
          sides[side].push(withSpecialTokens(ids.subarray(start, end), tokenizer))
          if (side === 'train') trainTokens += end - start
        }
      }
    }
  }
  let waiting: string[] = []
  for await (const text of corpus.documents) {
    waiting.push(text)
    if (waiting.length < DOCUMENTS_A_BATCH) continue
    await take(waiting)
    waiting = []
  }
  await take(waiting)
  for (const side of ['train', 'validation'] as const) {
    if (sides[side].length > 0) continue
    const { documents } = corpus.summary()
    throw new DataInvalid(
      name,
      `none of its ${documents} documents is on the ${side} side; give more documents, or another validation share than ${share}`,
    )
  }
  return { ...sides, summary: corpus.summary(), trainTokens, tooShort }
}
