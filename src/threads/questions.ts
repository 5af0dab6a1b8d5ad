import { setTimeout as sleep } from 'node:timers/promises'

/** Questions by message whose answers come later and in any order, each under the id of its question. */
export class Questions<Answer> {
  readonly #open = new Map<number, (answer: Answer) => void>()
  #asked = 0

  /** @param send tells the other side the question's id */
  ask(send: (id: number) => void): Promise<Answer> {
    const id = this.#asked++
    return new Promise((resolve) => {
      this.#open.set(id, resolve)
      send(id)
    })
  }

  /** @returns undefined where no answer came in time */
  async askInTime(send: (id: number) => void, timeoutMs: number): Promise<Answer | undefined> {
    const id = this.#asked
    const answer = await Promise.race([this.ask(send), sleep(timeoutMs, undefined, { ref: false })])
    this.#open.delete(id)
    return answer
  }

  /** An answer to what nobody asked, or no longer waits for, is dropped. */
  answered(id: number, answer: Answer): void {
    this.#open.get(id)?.(answer)
    this.#open.delete(id)
  }
}
