/** A thread that parses JSON bodies: large ones would keep the event loop from every other request. */
import { parentPort } from 'node:worker_threads'
import { parseJsonBody } from './json-body.js'

export interface ParseCommand {
  readonly id: number
  readonly bytes: Uint8Array
}

export interface ParseReport {
  readonly id: number
  readonly value?: unknown
  /** of InvalidRequest */
  readonly fault?: string
}

parentPort?.on('message', ({ id, bytes }: ParseCommand) => {
  let report: ParseReport
  try {
    report = { id, value: parseJsonBody(bytes) }
  } catch (error) {
    report = { id, fault: (error as Error).message }
  }
  parentPort?.postMessage(report)
})
