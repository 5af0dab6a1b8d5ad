/** Messages between the server and its API processes, beside those of src/serving/remote/protocol.ts. */
import type { HttpConfig } from '../http/app-types.js'
import type { MetricsSnapshot } from '../metrics/metrics.js'
import type { FrontMessage, HostMessage } from '../serving/remote/protocol.js'
import type { ListenAddress } from './listen-address.js'

/** First message of an API process: it hears messages from now on. Those before would be lost. */
export interface StartedMessage {
  readonly type: 'started'
}

/** The answer, when what is served has been told: listen. */
export interface ListenMessage {
  readonly type: 'listen'
  readonly config: HttpConfig & ListenAddress & { readonly logLevel: string }
  readonly version: string
  /** for how long the process stays awake after work, ms; 0: not at all */
  readonly awakeMs: number
}

/** The answer to `listen`. */
export interface ListeningMessage {
  readonly type: 'listening'
}
export interface ListenFailedMessage {
  readonly type: 'listen-failed'
  readonly code: string | undefined
  readonly message: string
}

/** Either side asks the other: the server for one process's figures, an API process for those of all. */
export interface MetricsQuestion {
  readonly type: 'metrics?'
  readonly id: number
}
export interface SnapshotMessage {
  readonly type: 'snapshot'
  readonly id: number
  readonly snapshot: MetricsSnapshot
}
export interface ExpositionMessage {
  readonly type: 'exposition'
  readonly id: number
  readonly exposition: string
}

/** Answer what is in flight, refuse what comes, and end. */
export interface DrainMessage {
  readonly type: 'drain'
}

export type ToApiProcess = HostMessage | ListenMessage | MetricsQuestion | ExpositionMessage | DrainMessage
export type FromApiProcess =
  | StartedMessage
  | FrontMessage
  | ListeningMessage
  | ListenFailedMessage
  | MetricsQuestion
  | SnapshotMessage

/** @param error of listening. @returns what the other side makes `listenError` of */
export function listenFailed(error: unknown): ListenFailedMessage {
  const { code, message } = error as NodeJS.ErrnoException
  return { type: 'listen-failed', code, message }
}

export function listenError({ code, message }: ListenFailedMessage): NodeJS.ErrnoException {
  return Object.assign(new Error(message), code !== undefined && { code })
}
