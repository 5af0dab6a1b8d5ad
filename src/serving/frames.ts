/**
 * Messages on a byte stream between two processes of one machine: their length in bytes, then their bytes, in 32-bit words of the
 * machine's own order. Node's own channel takes as long for a message as a small model for a text, and twice that of a bare pipe.
 */

/** Bytes before the words of a frame: their length. */
const HEAD_BYTES = 4

/** @returns a frame of so many words, and a view of them to fill */
export function newFrame(words: number): { readonly bytes: Uint8Array; readonly words: Int32Array } {
  const all = new Int32Array(1 + words)
  all[0] = 4 * words
  return { bytes: new Uint8Array(all.buffer), words: all.subarray(1) }
}

/** Puts frames together again from the pieces that a stream comes in. */
export class FrameReader {
  readonly #onFrame: (words: Int32Array) => void
  readonly #head = new Uint8Array(HEAD_BYTES)
  #headFilled = 0
  #frame: Uint8Array<ArrayBuffer> | undefined
  #filled = 0

  /** @param onFrame has the words for itself; called while `push` runs, once a frame */
  constructor(onFrame: (words: Int32Array) => void) {
    this.#onFrame = onFrame
  }

  push(piece: Uint8Array): void {
    let at = 0
    while (at < piece.length) {
      if (this.#frame === undefined) {
        this.#head[this.#headFilled++] = piece[at++]!
        if (this.#headFilled < HEAD_BYTES) continue
        this.#frame = new Uint8Array(new Int32Array(this.#head.buffer)[0]!)
        this.#headFilled = 0
        this.#filled = 0
      }
      const part = piece.subarray(at, at + this.#frame.length - this.#filled)
      this.#frame.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
      if (this.#filled < this.#frame.length) continue
      const { buffer } = this.#frame
      this.#frame = undefined
      this.#onFrame(new Int32Array(buffer))
    }
  }
}
