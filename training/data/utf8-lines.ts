import { isUtf8 } from 'node:buffer'
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { DataInvalid, isLextierError } from '../../src/errors.js'

const NEWLINE = 0x0a
const BYTE_ORDER_MARK = '\uFEFF'

/** A file being read: its text, and, once all of it was read, the SHA-256 of its bytes. */
export interface Utf8File {
  /** blocks of whole lines, newlines included; the last line may lack one */
  readonly blocks: AsyncGenerator<string>
  /** lower-case hex; call it after the last block */
  sha256(): string
}

/** Turns the bytes of a file into those of its text. */
export type Decompress = (bytes: AsyncIterable<Buffer>) => AsyncIterable<Buffer>

/**
 * Reads a UTF-8 file block by block, a leading byte order mark removed, memory bounded by the longest line.
 * @param decompress what the file's bytes go through, if anything; the hash stays that of the file
 * @throws DataInvalid (from `blocks`) when the file cannot be read, or naming the line that is not UTF-8
 */
export function openUtf8File(file: string, decompress: Decompress = (bytes) => bytes): Utf8File {
  const hash = createHash('sha256')
  const bytes = decompress(hashedBytes(file, hash))
  return { blocks: readBlocks(file, bytes), sha256: () => hash.digest('hex') }
}

async function* hashedBytes(file: string, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    yield chunk
  }
}

async function* readBlocks(file: string, bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let unfinished: Buffer[] = []
  let linesBefore = 0
  const decode = (bytes: Buffer) => {
    // A newline byte is never part of a longer UTF-8 sequence, so whole lines can be checked on their own.
    if (!isUtf8(bytes)) {
      const line = linesBefore + firstInvalidLine(bytes)
      throw new DataInvalid(file, `line ${line} is not valid UTF-8; save the file as UTF-8 and try again`)
    }
    const text = bytes.toString('utf8')
    const block = linesBefore === 0 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text
    for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) linesBefore++
    return block
  }
  try {
    for await (const chunk of bytes) {
      const end = chunk.lastIndexOf(NEWLINE) + 1
      if (end === 0) {
        unfinished.push(chunk)
        continue
      }
      const lines = Buffer.concat([...unfinished, chunk.subarray(0, end)])
      unfinished = [chunk.subarray(end)]
      yield decode(lines)
    }
    const rest = Buffer.concat(unfinished)
    if (rest.length > 0) yield decode(rest)
  } catch (error) {
    if (isLextierError(error) || !(error instanceof Error) || !('syscall' in error)) throw error
    throw new DataInvalid(file, `it cannot be read (${error.message})`)
  }
}

/** @returns the 1-based line, within these bytes, of the first byte that breaks UTF-8 */
function firstInvalidLine(bytes: Buffer): number {
  let line = 1
  let start = 0
  for (;;) {
    const newline = bytes.indexOf(NEWLINE, start)
    if (newline === -1 || !isUtf8(bytes.subarray(start, newline))) return line
    start = newline + 1
    line++
  }
}
