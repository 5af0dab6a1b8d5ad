/** Reads long texts on a thread of its own: markup out, tokens in. A megabyte takes tens of milliseconds of JavaScript. */
import { CallThread, threadEntry } from '../threads/call-thread.js'
import type { ReadCommand, ReadingThreadData, ReadReport } from './reading-worker.js'

export class ReadingThread {
  readonly #thread: CallThread<ReadCommand, ReadReport>

  /** @param definitions the `tokenizer.json` of each tokenizer, by a name */
  constructor(definitions: ReadingThreadData['definitions']) {
    const data: ReadingThreadData = { definitions }
    this.#thread = new CallThread(threadEntry(import.meta.url, 'reading-worker'), data)
  }

  /**
   * @param tokenizer a name of the definitions
   * @returns the ids of each text, without special tokens; undefined for a text that is markup and nothing else
   * @throws Internal when the thread fails
   */
  read(tokenizer: string, texts: readonly string[]): Promise<ReadReport> {
    return this.#thread.call({ tokenizer, texts })
  }

  close(): Promise<void> {
    return this.#thread.close()
  }
}
