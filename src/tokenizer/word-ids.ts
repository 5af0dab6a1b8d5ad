/**
 * Ids of words, found in a run of characters: an open-addressed table over typed arrays. A `Map` would want each word cut out
 * as a string of its own first, which costs more than the search, and spreads a vocabulary over megabytes of small objects.
 */
export class WordIds {
  /** slot → word, counted from 1; 0: free */
  readonly #slots: Uint32Array
  readonly #mask: number
  /** of all words, end to end: UTF-16 code units */
  readonly #characters: Uint16Array
  /** word → its first character; one more than there are words */
  readonly #starts: Uint32Array
  readonly #ids: Int32Array
  /** of every beginning that may be a word, of which the shortest comes first */
  readonly #hashes: Int32Array

  /** @param words each once, with its id */
  constructor(words: readonly (readonly [word: string, id: number])[]) {
    const size = 2 ** Math.ceil(Math.log2(2 * words.length + 2))
    this.#mask = size - 1
    this.#slots = new Uint32Array(size)
    this.#characters = new Uint16Array(words.reduce((sum, [word]) => sum + word.length, 0))
    this.#starts = new Uint32Array(words.length + 1)
    this.#ids = Int32Array.from(words, ([, id]) => id)
    this.#hashes = new Int32Array(words.reduce((most, [word]) => Math.max(most, word.length), 0))
    for (const [index, [word]] of words.entries()) this.#add(index, word)
  }

  /**
   * @param start first of the characters, inclusive
   * @param end last of them, exclusive
   * @returns the longest word that these characters begin with, for `id` and `length`; -1 where there is none
   */
  longestPrefix(characters: Uint16Array, start: number, end: number): number {
    const longest = Math.min(end - start, this.#hashes.length)
    let hash = HASH_OF_NOTHING
    for (let i = 0; i < longest; i++) {
      hash = extend(hash, characters[start + i]!)
      this.#hashes[i] = hash
    }
    for (let length = longest; length > 0; length--) {
      const word = this.#find(characters, start, length, this.#hashes[length - 1]!)
      if (word >= 0) return word
    }
    return -1
  }

  id(word: number): number {
    return this.#ids[word]!
  }

  length(word: number): number {
    return this.#starts[word + 1]! - this.#starts[word]!
  }

  #find(characters: Uint16Array, start: number, length: number, hash: number): number {
    let slot = spread(hash) & this.#mask
    for (let entry = this.#slots[slot]!; entry !== 0; entry = this.#slots[slot]!) {
      if (this.#is(entry - 1, characters, start, length)) return entry - 1
      slot = (slot + 1) & this.#mask
    }
    return -1
  }

  #is(word: number, characters: Uint16Array, start: number, length: number): boolean {
    const first = this.#starts[word]!
    if (this.#starts[word + 1]! - first !== length) return false
    for (let i = 0; i < length; i++) if (this.#characters[first + i] !== characters[start + i]) return false
    return true
  }

  #add(index: number, word: string): void {
    const first = this.#starts[index]!
    let hash = HASH_OF_NOTHING
    for (let i = 0; i < word.length; i++) {
      const character = word.charCodeAt(i)
      this.#characters[first + i] = character
      hash = extend(hash, character)
    }
    this.#starts[index + 1] = first + word.length
    let slot = spread(hash) & this.#mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask
    this.#slots[slot] = index + 1
  }
}

/** FNV-1a over UTF-16 code units, http://www.isthe.com/chongo/tech/comp/fnv/ */
const HASH_OF_NOTHING = 0x811c9dc5 | 0

function extend(hash: number, character: number): number {
  return Math.imul(hash ^ character, 0x01000193)
}

/** Its low bits alone are weak. */
function spread(hash: number): number {
  return hash ^ (hash >>> 15)
}
