/** What comes up in one turn of the event loop goes out together: a message between processes costs more than what is in it. */
export class TurnBatch<T> {
  readonly #send: (items: readonly T[]) => void
  #items: T[] = []
  #scheduled = false

  constructor(send: (items: readonly T[]) => void) {
    this.#send = send
  }

  add(item: T): void {
    this.#items.push(item)
    if (this.#scheduled) return
    this.#scheduled = true
    // after the events of this turn, before the loop waits for new ones
    setImmediate(() => {
      this.#scheduled = false
      this.#send(this.#items.splice(0))
    })
  }
}
