/** Parses JSON bodies, small ones at once and large ones on a thread of their own. */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Internal, InvalidRequest } from '../errors.js'
import { parseJsonBody } from './json-body.js'
import type { ParseCommand, ParseReport } from './json-worker.js'

/** Decoding and parsing this much takes well below a millisecond; handing it to a thread takes about as long. */
const LARGE_BYTES = 128 * 1024

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

export class JsonParser {
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #nextId = 0

  /**
   * @param bytes not to be used afterwards: the memory of a large body may have gone to the thread
   * @throws InvalidRequest as parseJsonBody does
   */
  async parse(bytes: Uint8Array): Promise<unknown> {
    if (bytes.byteLength < LARGE_BYTES) return parseJsonBody(bytes)
    this.#worker ??= this.#start()
    const id = this.#nextId++
    const command: ParseCommand = { id, bytes }
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      // a body of its own memory is handed over, not copied
      const own = bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength
      this.#worker?.postMessage(command, own ? [bytes.buffer as ArrayBuffer] : [])
    })
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
  }

  #start(): Worker {
    const worker = new Worker(workerEntry())
    worker.unref()
    worker.on('message', ({ id, value, fault }: ParseReport) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (fault === undefined) waiting?.resolve(value)
      else waiting?.reject(new InvalidRequest(fault))
    })
    // its exit comes next
    worker.on('error', () => {})
    worker.once('exit', () => {
      this.#worker = undefined
      for (const { reject } of this.#waiting.values()) reject(new Internal('the thread that parses bodies ended'))
      this.#waiting.clear()
    })
    return worker
  }
}

/** Compiled in production. From a checkout it is run through tsx, whose loader Node does not pass on to threads. */
function workerEntry(): URL {
  const extension = extname(import.meta.url)
  const file = new URL(`./json-worker${extension}`, import.meta.url)
  if (extension !== '.ts') return file
  const [tsx, worker] = [import.meta.resolve('tsx/esm/api'), file.href].map((url) => JSON.stringify(url))
  const source = `import { tsImport } from ${tsx}; await tsImport(${worker}, ${worker})`
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`)
}
