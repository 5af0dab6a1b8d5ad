/**
 * One tokenizer for all families and versions whose `tokenizer.json` says the same. To build one of 30,000 words takes a
 * tenth of a second, for which a reload would hold up every request.
 */
import { createHash } from 'node:crypto'
import { createTokenizer, loadTokenizer, type TextTokenizer } from './text-tokenizer.js'

/** By the hash of the definition; one that nothing uses any more may go. */
const known = new Map<string, WeakRef<TextTokenizer>>()
const forgotten = new FinalizationRegistry<string>((hash) => {
  if (known.get(hash)?.deref() === undefined) known.delete(hash)
})

/** @returns SHA-256 of a `tokenizer.json`, hexadecimal */
export function definitionHash(definition: string): string {
  return createHash('sha256').update(definition).digest('hex')
}

/**
 * Reads a `tokenizer.json`.
 * @throws TokenizerInvalid as loadTokenizer does
 */
export function sharedTokenizer(file: string): TextTokenizer {
  return loadTokenizer(file, (definition) => {
    const hash = definitionHash(definition)
    const shared = known.get(hash)?.deref()
    if (shared) return shared
    const tokenizer = createTokenizer(definition, file)
    known.set(hash, new WeakRef(tokenizer))
    forgotten.register(tokenizer, hash)
    return tokenizer
  })
}
