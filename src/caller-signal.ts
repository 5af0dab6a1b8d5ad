/**
 * Whether a request's caller has gone. Every request has one and hardly any is ever aborted: the platform's own controller and
 * signal cost a request more than its routing does.
 */
import { RequestAborted } from './errors.js'

type Listener = NonNullable<Parameters<EventTarget['addEventListener']>[1]>

export class CallerSignal implements AbortSignal {
  aborted = false
  reason: unknown = undefined
  onabort: AbortSignal['onabort'] = null
  #listeners: Listener[] = []

  /** The caller has gone. */
  abort(): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = new RequestAborted()
    this.dispatchEvent(new Event('abort'))
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason
  }

  /** A listener hears of the one event that there can be once, whatever its options say. */
  addEventListener(type: string, listener: Listener | null): void {
    if (type === 'abort' && listener && !this.#listeners.includes(listener)) this.#listeners.push(listener)
  }

  removeEventListener(_type: string, listener: Listener | null): void {
    const index = listener ? this.#listeners.indexOf(listener) : -1
    if (index >= 0) this.#listeners.splice(index, 1)
  }

  dispatchEvent(event: Event): boolean {
    const listeners = this.#listeners
    this.#listeners = []
    this.onabort?.call(this, event)
    for (const listener of listeners) {
      if (typeof listener === 'function') listener.call(this, event)
      else listener.handleEvent(event)
    }
    return true
  }
}
