/** Calls a function on a thread of its own: long work would keep the event loop from every other request. */
import { extname } from 'node:path'
import { type TransferListItem, Worker } from 'node:worker_threads'
import { Internal } from '../errors.js'
import type { Call, Outcome } from './answer-calls.js'

interface Waiting<Result> {
  resolve(result: Result): void
  reject(error: Error): void
}

export class CallThread<Argument, Result> {
  readonly #entry: URL
  readonly #workerData: unknown
  readonly #waiting = new Map<number, Waiting<Result>>()
  #worker: Worker | undefined
  #nextId = 0

  /**
   * The thread starts with the first call, and anew with the next one after it ended.
   * @param entry from threadEntry; the module calls answerCalls
   * @param workerData what the module finds under that name
   */
  constructor(entry: URL, workerData?: unknown) {
    this.#entry = entry
    this.#workerData = workerData
  }

  /**
   * @param transfer memory in the argument that goes to the thread instead of being copied
   * @throws Internal when the function throws or the thread ends; what the caller should know is part of the result
   */
  call(argument: Argument, transfer: readonly TransferListItem[] = []): Promise<Result> {
    this.#worker ??= this.#start()
    const worker = this.#worker
    const id = this.#nextId++
    const call: Call<Argument> = { id, argument }
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      worker.ref()
      worker.postMessage(call, transfer)
    })
  }

  /** Ends the thread; calls that it has not answered fail. */
  async close(): Promise<void> {
    await this.#worker?.terminate()
  }

  #start(): Worker {
    const worker = new Worker(this.#entry, { workerData: this.#workerData })
    worker.on('message', ({ id, result, failed }: Outcome<Result>) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      // a thread with nothing to do keeps no process alive
      if (this.#waiting.size === 0) worker.unref()
      if (failed) waiting?.reject(new Internal('work on a thread failed'))
      else waiting?.resolve(result as Result)
    })
    // its exit comes next
    worker.on('error', () => {})
    worker.once('exit', () => {
      this.#worker = undefined
      for (const { reject } of this.#waiting.values()) reject(new Internal('a thread ended with work in it'))
      this.#waiting.clear()
    })
    return worker
  }
}

/**
 * @param caller `import.meta.url` of a module beside the thread's
 * @param name of the thread's module, without its extension
 * @returns the module, compiled in production. From a checkout it is run through tsx, whose loader Node does not pass on
 *   to threads.
 */
export function threadEntry(caller: string, name: string): URL {
  const extension = extname(caller)
  const file = new URL(`./${name}${extension}`, caller)
  if (extension !== '.ts') return file
  const [tsx, module] = [import.meta.resolve('tsx/esm/api'), file.href].map((url) => JSON.stringify(url))
  const source = `import { tsImport } from ${tsx}; await tsImport(${module}, ${module})`
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`)
}
