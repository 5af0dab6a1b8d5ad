/**
 * The classifier of an API process: reads texts here, and has everything else done by the process that has the scheduler and the
 * engines.
 *
 *     API process                                              engines' process
 *     classify ─ read ─ call ──┐                         ┌─ route ─ schedule ─ engine
 *                              ├─▶ one message a turn ──▶┤
 *     answer ◀─────────────────┘◀── one message a turn ──┘
 */
import { isLextierError, NotReady, RequestAborted } from '../../errors.js'
import { StayAwake } from '../../threads/stay-awake.js'
import type {
  Classifier,
  ClassifyRequest,
  ClassifyResult,
  FamilyStatus,
  Readiness,
  ReadTexts,
  RequestHead,
  ServingObserver,
} from '../types.js'
import { errorFromMessage } from './error-message.js'
import {
  type CallsMessage,
  type FrontMessage,
  type HostMessage,
  type RemoteAnswer,
  type RemoteCall,
  type ServedState,
  TOKENIZER_CHANGED,
} from './protocol.js'
import { RefusalMemory } from './refusal-memory.js'
import { RemoteTexts } from './remote-texts.js'
import { toSharedMs } from './shared-clock.js'
import { TurnBatch } from './turn-batch.js'

export interface RemoteOptions {
  send(message: FrontMessage): void
  readonly observer: Pick<ServingObserver, 'answered' | 'rejected'>
}

interface Waiting {
  readonly head: Omit<RequestHead, 'arrivalMs'>
  resolve(result: ClassifyResult): void
  reject(error: Error): void
}

interface Outgoing {
  readonly call: RemoteCall
  readonly ids: readonly Int32Array[]
}

/** Reloads between reading a text and its arrival at the engines' process; more in a row than this are a fault. */
const MOST_READINGS = 3
const UNKNOWN: ServedState = { families: [], refused: [], statuses: [] }

export class RemoteClassifier implements Classifier {
  readonly #options: RemoteOptions
  readonly #texts = new RemoteTexts()
  readonly #refusals = new RefusalMemory()
  readonly #waiting = new Map<number, Waiting>()
  readonly #outgoing = new TurnBatch<Outgoing>((calls) => this.#sendCalls(calls))
  #awake = new StayAwake(0)
  #state = UNKNOWN
  #readiness: Readiness = { ready: false, draining: false, reasons: ['starting'], starting: true }
  #nextId = 0

  constructor(options: RemoteOptions) {
    this.#options = options
  }

  /** What is served, as told last. */
  get served(): ServedState {
    return this.#state
  }

  /** @param ms for how long this process stays awake after a call and after an answer; 0, as at first: not at all */
  stayAwakeFor(ms: number): void {
    this.#awake = new StayAwake(ms)
  }

  receive(message: HostMessage): void {
    switch (message.type) {
      case 'answers':
        this.#awake.extend()
        for (const answer of message.answers) this.#settle(answer)
        break
      case 'tokenizers':
        this.#texts.add(message.definitions)
        break
      case 'state':
        this.#state = message.state
        this.#texts.serve(message.state.families)
        break
      case 'readiness':
        this.#readiness = message.readiness
    }
  }

  async classify(request: ClassifyRequest): Promise<ClassifyResult> {
    const { observer } = this.#options
    try {
      const result = await this.#ask(request)
      observer.answered(result)
      return result
    } catch (error) {
      observer.rejected(isLextierError(error) ? error.code : 'INTERNAL')
      throw error
    }
  }

  refusal({ family, tier, budgetMs, arrivalMs }: RequestHead): Error | undefined {
    // what the head leaves open, the body may say; and `auto` has a budget by default
    if (tier === undefined || (tier === 'auto' && budgetMs === undefined)) return undefined
    const named = family ?? (this.#state.families.length === 1 ? this.#state.defaultFamily : undefined)
    return named === undefined ? undefined : this.#refusals.of({ family: named, tier, budgetMs }, arrivalMs)
  }

  families(): readonly FamilyStatus[] {
    return this.#state.statuses
  }

  readiness(): Readiness {
    return this.#readiness
  }

  /** The requests end with the connections that they came by; nothing is left to do but to end the threads. */
  drain(): Promise<void> {
    return this.#texts.close()
  }

  async #ask(request: ClassifyRequest): Promise<ClassifyResult> {
    for (let reading = 1; ; reading++) {
      const family = request.family ?? this.#state.defaultFamily
      const read = await this.#texts.read(family ?? '', request)
      try {
        return onThisClock(await this.#call(request, family, read), request)
      } catch (error) {
        const { code } = error as { code?: string }
        if (code !== TOKENIZER_CHANGED) throw error
        if (reading >= MOST_READINGS) throw new NotReady('the family is being replaced; try again')
      }
    }
  }

  #call(request: ClassifyRequest, family: string | undefined, read: ReadTexts): Promise<ClassifyResult> {
    const { texts: _texts, signal, arrivalMs, read: _read, ...rest } = request
    if (signal?.aborted) return Promise.reject(new RequestAborted())
    const id = this.#nextId++
    const { ids, tokenizer, tokenizeMs } = read
    const lengths = ids.map(({ length }) => length)
    // without a name, the family is the default of when it arrives there: the tokenizer's hash says whether it is another
    const call: RemoteCall = { id, request: rest, arrivalMs: toSharedMs(arrivalMs), tokenizer, lengths, tokenizeMs }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.delete(id)
        this.#options.send({ type: 'abort', id })
        reject(new RequestAborted())
      }
      const ended = () => signal?.removeEventListener('abort', onAbort)
      this.#waiting.set(id, {
        head: { family, tier: request.tier, budgetMs: request.budgetMs },
        resolve: (result) => {
          ended()
          resolve(result)
        },
        reject: (error) => {
          ended()
          reject(error)
        },
      })
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#outgoing.add({ call, ids })
      this.#awake.extend()
    })
  }

  #sendCalls(outgoing: readonly Outgoing[]): void {
    // a caller may go in the turn that it came in
    const wanted = outgoing.filter(({ call }) => this.#waiting.has(call.id))
    if (wanted.length > 0) this.#options.send(callsMessage(wanted))
  }

  #settle(answer: RemoteAnswer): void {
    const waiting = this.#waiting.get(answer.id)
    if (!waiting) return
    this.#waiting.delete(answer.id)
    if ('result' in answer) waiting.resolve(answer.result)
    else {
      const error = errorFromMessage(answer.error)
      if (answer.refusesHead) this.#refusals.heard(waiting.head, error, performance.now())
      waiting.reject(error)
    }
  }
}

/** The way back from the engines' process is part of what the caller waited. */
function onThisClock(result: ClassifyResult, { arrivalMs }: ClassifyRequest): ClassifyResult {
  const actualMs = performance.now() - arrivalMs
  const { budgetMs } = result.routing
  const budgetMet = budgetMs === undefined ? {} : { budgetMet: actualMs <= budgetMs }
  return { ...result, routing: { ...result.routing, actualMs, ...budgetMet } }
}

function callsMessage(outgoing: readonly Outgoing[]): CallsMessage {
  const tokens = new Int32Array(
    outgoing.reduce((sum, { ids }) => sum + ids.reduce((length, one) => length + one.length, 0), 0),
  )
  let at = 0
  for (const { ids } of outgoing) {
    for (const one of ids) {
      tokens.set(one, at)
      at += one.length
    }
  }
  return { type: 'calls', calls: outgoing.map(({ call }) => call), tokens }
}
