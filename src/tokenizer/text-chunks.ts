const WHITESPACE = /[ \t\n\r]/g

/**
 * Cuts a text into pieces of about `codeUnits` UTF-16 code units. Every piece but the first begins with the whitespace
 * that it was cut at; a stretch without any stays whole, however long.
 * @returns the pieces, in order; joined they are the text
 */
export function splitAtWhitespace(text: string, codeUnits: number): string[] {
  const pieces: string[] = []
  let start = 0
  while (text.length - start > codeUnits) {
    WHITESPACE.lastIndex = start + codeUnits
    const found = WHITESPACE.exec(text)
    if (!found) break
    pieces.push(text.slice(start, found.index))
    start = found.index
  }
  pieces.push(text.slice(start))
  return pieces
}
