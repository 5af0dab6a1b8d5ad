/**
 * Ids of words, found in a run of characters: an open-addressed table over typed arrays. A `Map` would want each word cut out
 * as a string of its own first, which costs more than the search, and spreads a vocabulary over megabytes of small objects.
 */

/** Of a slot: hash, first character, length (0: free), id; side by side, since a lookup then waits for memory once. */
const FIELDS = 4
const FIRST = 1
const LENGTH = 2
const ID = 3

export class WordIds {
  readonly #slots: Int32Array
  readonly #mask: number
  /** of all words, end to end: UTF-16 code units */
  readonly #characters: Uint16Array
  /** of every beginning that may be a word, of which the shortest comes first */
  readonly #hashes: Int32Array

  /** @param words each once, with its id; an empty one is never found */
  constructor(words: readonly (readonly [word: string, id: number])[]) {
    const size = 2 ** Math.ceil(Math.log2(2 * words.length + 2))
    this.#mask = size - 1
    this.#slots = new Int32Array(FIELDS * size)
    this.#characters = new Uint16Array(words.reduce((sum, [word]) => sum + word.length, 0))
    this.#hashes = new Int32Array(words.reduce((most, [word]) => Math.max(most, word.length), 0))
    let first = 0
    for (const [word, id] of words) {
      this.#add(word, first, id)
      first += word.length
    }
  }

  /**
   * @param start first of the characters, inclusive
   * @param end last of them, exclusive
   * @param hash of them all, by `extendHash`
   * @returns the word that they are, for `id` and `length`; -1 where they are none
   */
  find(characters: Uint16Array, start: number, end: number, hash: number): number {
    const slots = this.#slots
    const length = end - start
    for (let slot = spread(hash) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = FIELDS * slot
      if (slots[at + LENGTH] === 0) return -1
      if (
        slots[at] === hash &&
        slots[at + LENGTH] === length &&
        this.#is(slots[at + FIRST]!, characters, start, length)
      )
        return at
    }
  }

  /** @returns the longest word that these characters begin with; -1 where there is none */
  longestPrefix(characters: Uint16Array, start: number, end: number): number {
    const longest = Math.min(end - start, this.#hashes.length)
    let hash = HASH_OF_NOTHING
    for (let i = 0; i < longest; i++) {
      hash = extendHash(hash, characters[start + i]!)
      this.#hashes[i] = hash
    }
    for (let length = longest; length > 0; length--) {
      const word = this.find(characters, start, start + length, this.#hashes[length - 1]!)
      if (word >= 0) return word
    }
    return -1
  }

  id(word: number): number {
    return this.#slots[word + ID]!
  }

  length(word: number): number {
    return this.#slots[word + LENGTH]!
  }

  #is(first: number, characters: Uint16Array, start: number, length: number): boolean {
    for (let i = 0; i < length; i++) if (this.#characters[first + i] !== characters[start + i]) return false
    return true
  }

  #add(word: string, first: number, id: number): void {
    let hash = HASH_OF_NOTHING
    for (let i = 0; i < word.length; i++) {
      const character = word.charCodeAt(i)
      this.#characters[first + i] = character
      hash = extendHash(hash, character)
    }
    let slot = spread(hash) & this.#mask
    while (this.#slots[FIELDS * slot + LENGTH] !== 0) slot = (slot + 1) & this.#mask
    this.#slots.set([hash, first, word.length, id], FIELDS * slot)
  }
}

/** FNV-1a over UTF-16 code units, http://www.isthe.com/chongo/tech/comp/fnv/ */
export const HASH_OF_NOTHING = 0x811c9dc5 | 0

export function extendHash(hash: number, character: number): number {
  return Math.imul(hash ^ character, 0x01000193)
}

/** Its low bits alone are weak. */
function spread(hash: number): number {
  return hash ^ (hash >>> 15)
}
