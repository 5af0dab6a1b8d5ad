/** Parses JSON bodies, small ones at once and large ones on a thread of their own. */
import { InvalidRequest } from '../errors.js'
import { CallThread, threadEntry } from '../threads/call-thread.js'
import { parseJsonBody } from './json-body.js'
import type { ParsedBody } from './json-worker.js'

/** Decoding and parsing this much takes well below a millisecond; handing it to a thread takes about as long. */
const LARGE_BYTES = 128 * 1024

export class JsonParser {
  readonly #thread = new CallThread<Uint8Array, ParsedBody>(threadEntry(import.meta.url, 'json-worker'))

  /**
   * @param bytes not to be used afterwards: the memory of a large body may have gone to the thread
   * @returns at once for a small body
   * @throws InvalidRequest as parseJsonBody does, and for a large body of more values than a request can have
   */
  parse(bytes: Uint8Array): unknown {
    return bytes.byteLength < LARGE_BYTES ? parseJsonBody(bytes) : this.#parseLarge(bytes)
  }

  close(): Promise<void> {
    return this.#thread.close()
  }

  async #parseLarge(bytes: Uint8Array): Promise<unknown> {
    // a body of its own memory is handed over, not copied
    const own = bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength
    const { value, fault } = await this.#thread.call(bytes, own ? [bytes.buffer as ArrayBuffer] : [])
    if (fault !== undefined) throw new InvalidRequest(fault)
    return value
  }
}
