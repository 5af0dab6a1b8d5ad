/** Cuts a stream of bytes into lines, holding never more than one line of it. */

export type Line =
  | { readonly bytes: Buffer; readonly tooLong?: undefined }
  /** longer than allowed: its bytes were dropped as they came */
  | { readonly bytes?: undefined; readonly tooLong: true }

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/**
 * Lines end with LF or CRLF, the last one may end with the stream; blank lines are passed over.
 * @param maxLineBytes of a line without its end; a longer one comes as `tooLong`, and the next line goes on
 */
export async function* readLines(source: AsyncIterable<Buffer>, maxLineBytes: number): AsyncGenerator<Line> {
  const line = new GrowingLine(maxLineBytes)
  for await (const chunk of source) {
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      line.add(chunk.subarray(start, end))
      start = end + 1
      const finished = line.finish()
      if (finished) yield finished
    }
    line.add(chunk.subarray(start))
  }
  const last = line.finish()
  if (last) yield last
}

class GrowingLine {
  readonly #maxBytes: number
  #parts: Buffer[] = []
  #bytes = 0
  #blank = true

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  add(part: Buffer): void {
    if (part.length === 0) return
    // as it comes: a long line looked through at its end would hold up everything else
    this.#blank &&= isBlank(part)
    this.#bytes += part.length
    // one more than allowed: it may be the carriage return of the line's end
    if (this.#bytes > this.#maxBytes + 1) this.#parts = []
    else this.#parts.push(part)
  }

  /** @returns the line, undefined for a blank one; begins the next */
  finish(): Line | undefined {
    let bytes = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts)
    if (bytes.at(-1) === CARRIAGE_RETURN) bytes = bytes.subarray(0, -1)
    const tooLong = this.#bytes > this.#maxBytes + 1 || bytes.length > this.#maxBytes
    const blank = this.#blank
    this.#parts = []
    this.#bytes = 0
    this.#blank = true
    if (tooLong) return { tooLong }
    return blank ? undefined : { bytes }
  }
}

/** Only JSON's white space counts (RFC 8259 section 2). */
function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === CARRIAGE_RETURN)
}
