/**
 * Messages between an API process, which has the connections, and the process that has the scheduler and the engines. Requests
 * cross with their texts already read: only tokens do.
 */
import type { DescribedFamily } from '../../family/described-family.js'
import type { ClassifyRequest, ClassifyResult, FamilyStatus, Readiness } from '../types.js'
import type { ErrorMessage } from './error-message.js'

/** A request without what cannot cross: its texts, its signal, and a moment on another process's clock. */
export type RemoteRequest = Omit<ClassifyRequest, 'texts' | 'read' | 'signal' | 'arrivalMs'>

export interface RemoteCall {
  readonly id: number
  readonly request: RemoteRequest
  /** when it arrived, on the shared clock */
  readonly arrivalMs: number
  /** hash of the tokenizer that its texts were read with; empty where the API process knows no such family */
  readonly tokenizer: string
  /** tokens of each text: they follow each other in `CallsMessage.tokens` */
  readonly lengths: readonly number[]
  readonly tokenizeMs: number
}

/** Requests of one turn of the event loop. */
export interface CallsMessage {
  readonly type: 'calls'
  readonly calls: readonly RemoteCall[]
  /** of all calls, end to end */
  readonly tokens: Int32Array
}

/** The caller of that request has gone. */
export interface AbortMessage {
  readonly type: 'abort'
  readonly id: number
}

export type RemoteAnswer =
  | { readonly id: number; readonly result: ClassifyResult }
  | {
      readonly id: number
      readonly error: ErrorMessage
      /** whatever another request with such a head holds, it would be refused too */
      readonly refusesHead?: boolean
    }

/** Answers of one turn of the event loop. */
export interface AnswersMessage {
  readonly type: 'answers'
  readonly answers: readonly RemoteAnswer[]
}

/** What an API process knows of what is served. */
export interface ServedState {
  readonly families: readonly (DescribedFamily & { readonly tokenizer: string })[]
  readonly defaultFamily?: string | undefined
  readonly refused: readonly { readonly name: string; readonly reason: string }[]
  readonly statuses: readonly FamilyStatus[]
}

export interface StateMessage {
  readonly type: 'state'
  readonly state: ServedState
}

/** `tokenizer.json` files by their hashes; sent before the first state that names them. */
export interface TokenizersMessage {
  readonly type: 'tokenizers'
  readonly definitions: Readonly<Record<string, string>>
}

export interface ReadinessMessage {
  readonly type: 'readiness'
  readonly readiness: Readiness
}

export type FrontMessage = CallsMessage | AbortMessage
export type HostMessage = AnswersMessage | StateMessage | TokenizersMessage | ReadinessMessage

/** The code of an answer to texts that were read with another tokenizer than that of the family that serves now. */
export const TOKENIZER_CHANGED = 'TOKENIZER_CHANGED'
