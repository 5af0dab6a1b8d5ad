/** Reads texts in an API process, with the tokenizers of what the engines' process serves. */
import { createTokenizer, type TextTokenizer } from '../../tokenizer/text-tokenizer.js'
import { DEFAULT_MAX_REQUEST_TOKENS } from '../classifier-settings.js'
import { TextReader } from '../text-reader.js'
import type { ClassifyRequest, ReadTexts } from '../types.js'
import type { ServedState } from './protocol.js'

export class RemoteTexts {
  readonly #definitions = new Map<string, string>()
  readonly #tokenizers = new Map<string, TextTokenizer>()
  /** hash of each family's tokenizer, by the family's name */
  #hashes: ReadonlyMap<string, string> = new Map()
  #reader = new TextReader([])

  /** Definitions that a later state names. */
  add(definitions: Readonly<Record<string, string>>): void {
    for (const [hash, definition] of Object.entries(definitions)) this.#definitions.set(hash, definition)
  }

  /** From now on texts are read for these families. */
  serve(families: ServedState['families']): void {
    const hashes = new Map(families.map(({ manifest, tokenizer }) => [manifest.name, tokenizer]))
    const same =
      hashes.size === this.#hashes.size && [...hashes].every(([name, hash]) => this.#hashes.get(name) === hash)
    if (same) return
    this.#hashes = hashes
    const used = new Set(hashes.values())
    for (const hash of used) {
      if (!this.#tokenizers.has(hash)) this.#tokenizers.set(hash, createTokenizer(this.#definitions.get(hash)!, hash))
    }
    for (const known of [this.#definitions, this.#tokenizers]) {
      for (const hash of known.keys()) if (!used.has(hash)) known.delete(hash)
    }
    const before = this.#reader
    this.#reader = new TextReader([...hashes].map(([name, hash]) => ({ name, tokenizer: this.#tokenizers.get(hash)! })))
    before.closeWhenIdle()
  }

  /**
   * @returns no tokens where no such family is known here: the engines' process says what is wrong
   * @throws PayloadTooLarge, InvalidRequest, RequestAborted
   */
  async read(family: string, { texts, longText, signal }: ClassifyRequest): Promise<ReadTexts> {
    const startMs = performance.now()
    const tokenizer = this.#hashes.get(family)
    if (tokenizer === undefined) return { ids: [], tokenizer: '', tokenizeMs: 0 }
    const reading = { name: family, tokenizer: this.#tokenizers.get(tokenizer)! }
    const limits = { longText, maxRequestTokens: DEFAULT_MAX_REQUEST_TOKENS, signal }
    const ids = await this.#reader.read(reading, texts, limits)
    return { ids, tokenizer, tokenizeMs: performance.now() - startMs }
  }

  close(): Promise<void> {
    return this.#reader.close()
  }
}
