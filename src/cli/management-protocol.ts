/** Messages between the server and the thread that answers its management port. */
import type { Readiness } from '../serving/types.js'
import type {
  DrainMessage,
  ExpositionMessage,
  ListenFailedMessage,
  ListeningMessage,
  MetricsQuestion,
} from './api-process-protocol.js'
import type { ListenAddress } from './listen-address.js'

/** The thread's `workerData`. */
export interface ManagementStart {
  readonly address: ListenAddress
  readonly logLevel: string
  /** of `/metrics` */
  readonly contentType: string
  readonly readiness: Readiness
  /** a BigInt64Array of one: when the server's own thread was last at work, ns of `process.hrtime` */
  readonly heard: SharedArrayBuffer
  /** after so many ms without it the server counts as standing still */
  readonly standstillMs: number
}

/** It has changed. */
export interface ReadinessMessage {
  readonly type: 'readiness'
  readonly readiness: Readiness
}
/** One finished exchange, for the server's metrics. */
export interface AnsweredMessage {
  readonly type: 'answered'
  readonly route: string
  readonly status: number
  readonly durationSeconds: number
}

export type ToManagement = ReadinessMessage | ExpositionMessage | DrainMessage
export type FromManagement = ListeningMessage | ListenFailedMessage | MetricsQuestion | AnsweredMessage
