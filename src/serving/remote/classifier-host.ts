/** The engines' process's end of one API process: answers its calls, and tells it what is served. */
import { CallerSignal } from '../../caller-signal.js'
import type { Classifier, ClassifyRequest } from '../types.js'
import { errorToMessage } from './error-message.js'
import {
  type CallsMessage,
  type FrontMessage,
  type HostMessage,
  type RemoteAnswer,
  type RemoteCall,
  type RemoteRequest,
  type ServedState,
  TOKENIZER_CHANGED,
} from './protocol.js'
import { fromSharedMs } from './shared-clock.js'
import { TurnBatch } from './turn-batch.js'

/** What is served now, for API processes. */
export interface Served {
  state(): ServedState
  readonly classifier: Pick<Classifier, 'classify' | 'refusal' | 'tokenizer' | 'readiness'>
}

/** What is served, and its text, by which a change is known: tens of kilobytes, written once for all API processes. */
export interface StateNow {
  readonly state: ServedState
  readonly text: string
}

export function stateNow(served: Pick<Served, 'state'>): StateNow {
  const state = served.state()
  return { state, text: JSON.stringify(state) }
}

export class ClassifierHost {
  readonly #served: Served
  readonly #send: (message: HostMessage) => void
  /** of the calls that are not answered yet */
  readonly #callers = new Map<number, CallerSignal>()
  readonly #answers = new TurnBatch<RemoteAnswer>((answers) => this.#send({ type: 'answers', answers }))
  readonly #tokenizersSent = new Set<string>()
  #stateSent = ''
  #closed = false
  #readinessSent = ''

  constructor(served: Served, send: (message: HostMessage) => void) {
    this.#served = served
    this.#send = send
  }

  /** Calls that are not answered yet. */
  get pending(): number {
    return this.#callers.size
  }

  receive(message: FrontMessage): void {
    // what a process has written arrives even after its end
    if (this.#closed) return
    if (message.type === 'calls') this.#answerAll(message)
    else this.#callers.get(message.id)?.abort()
  }

  /** The API process is gone, and with it its callers. */
  close(): void {
    this.#closed = true
    for (const caller of this.#callers.values()) caller.abort()
  }

  /** Where it has changed: what is served, so that whoever hears that the server is ready finds its families so, and then readiness. */
  tellReadiness(): void {
    const readiness = this.#served.classifier.readiness()
    const text = JSON.stringify(readiness)
    if (text === this.#readinessSent) return
    this.#readinessSent = text
    this.tellState()
    this.#send({ type: 'readiness', readiness })
  }

  tellState({ state, text }: StateNow = stateNow(this.#served)): void {
    if (text === this.#stateSent) return
    this.#stateSent = text
    const news = new Map<string, string>()
    for (const { manifest, tokenizer } of state.families) {
      if (this.#tokenizersSent.has(tokenizer)) continue
      const { hash, definition } = this.#served.classifier.tokenizer!(manifest.name)!
      news.set(hash, definition)
    }
    // it forgets what no family uses any more
    this.#tokenizersSent.clear()
    for (const { tokenizer } of state.families) this.#tokenizersSent.add(tokenizer)
    if (news.size > 0) this.#send({ type: 'tokenizers', definitions: Object.fromEntries(news) })
    this.#send({ type: 'state', state })
  }

  #answerAll({ calls, tokens }: CallsMessage): void {
    let end = 0
    for (const call of calls) {
      const ids = call.lengths.map((length) => {
        end += length
        return tokens.subarray(end - length, end)
      })
      this.#answer(call, ids)
    }
  }

  #answer({ id, request, arrivalMs, tokenizer, tokenizeMs }: RemoteCall, ids: readonly Int32Array[]): void {
    const signal = new CallerSignal()
    this.#callers.set(id, signal)
    const asked: ClassifyRequest = Object.assign({}, request, {
      texts: [],
      read: { ids, tokenizer, tokenizeMs },
      arrivalMs: fromSharedMs(arrivalMs),
      signal,
    })
    this.#served.classifier.classify(asked).then(
      (result) => this.#reply({ id, result }),
      (error: unknown) => {
        // told before the answer, so that the texts are read with the right one the next time
        if ((error as { code?: string }).code === TOKENIZER_CHANGED) this.tellState()
        this.#reply({
          id,
          error: errorToMessage(error),
          ...(this.#refusesHead(request, error) && { refusesHead: true }),
        })
      },
    )
  }

  /** Not where a request found no room for its many tokens, or waited too long: another one may fare better. */
  #refusesHead({ family, tier, budgetMs }: RemoteRequest, error: unknown): boolean {
    if ((error as { code?: string }).code !== 'OVERLOADED') return false
    const head = { family, tier, budgetMs, arrivalMs: performance.now() }
    return this.#served.classifier.refusal?.(head) !== undefined
  }

  #reply(answer: RemoteAnswer): void {
    this.#callers.delete(answer.id)
    this.#answers.add(answer)
  }
}
