import type { Classifier, Readiness } from '../serving/types.js'

/** Counts the requests in flight and knows whether the shutdown has begun. */
export class Draining {
  #inFlight = 0
  #begun = false
  #idle: (() => void)[] = []
  readonly #listeners = new Set<() => void>()

  get begun(): boolean {
    return this.#begun
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** From now on new predictions are refused; those already here go on. */
  begin(): void {
    this.#begun = true
    for (const listener of this.#listeners) listener()
  }

  /** @param listener called when the shutdown begins, at once where it has. @returns takes the listener away */
  onBegin(listener: () => void): () => void {
    if (this.#begun) listener()
    else this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  enter(): void {
    this.#inFlight++
  }

  leave(): void {
    this.#inFlight--
    if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** @returns when no request is in flight */
  idle(): Promise<void> {
    return this.#inFlight === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve))
  }
}

/** @returns the classifier's readiness, which ends with the server's shutdown */
export function readinessOf(classifier: Pick<Classifier, 'readiness'>, { begun }: Pick<Draining, 'begun'>): Readiness {
  const readiness = classifier.readiness()
  return { ...readiness, draining: readiness.draining || begun }
}
