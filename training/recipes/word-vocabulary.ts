/**
 * A WordPiece vocabulary for a model that starts random, from its own training texts: the most frequent words whole, and
 * every character seen, alone and as a continuation, so that any word can be spelt.
 */
const SPECIAL_TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
const ASCII_SIGNS = '!"#$%&\'()*+,-./:;<=>?@[]_0123456789abcdefghijklmnopqrstuvwxyz'

/**
 * @param size most entries of the vocabulary; characters are never left out for it
 * @returns tokens in the order of their ids, special tokens first
 */
export function wordVocabulary(texts: readonly string[], size: number): string[] {
  const counts = new Map<string, number>()
  const characters = new Set(ASCII_SIGNS)
  for (const text of texts) {
    for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? []) {
      counts.set(word, (counts.get(word) ?? 0) + 1)
      for (const character of word) characters.add(character)
    }
  }
  const single = [...characters].sort()
  const vocabulary = [...SPECIAL_TOKENS, ...single, ...single.map((character) => `##${character}`)]
  const words = [...counts]
    .filter(([word, count]) => count > 1 && !characters.has(word))
    .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
  return [...vocabulary, ...words.slice(0, Math.max(0, size - vocabulary.length)).map(([word]) => word)]
}
