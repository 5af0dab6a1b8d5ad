/** A server that is compared: lextier or a peer, started by the bench on this machine. */
import type { OutgoingHttpHeaders } from 'node:http'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { TierName } from '../../src/family/family-schema.js'
import type { Family } from '../../src/family/load-family.js'

/** How a server spreads over the CPUs; each candidate is tuned over several. */
export interface Layout {
  /** processes that run the model */
  readonly workers: number
  /** of each */
  readonly threads: number
  /** requests of one batch at most */
  readonly batch: number
}

/** What is served: one tier of a family, on one provider. */
export interface ServedModel {
  readonly family: Family
  readonly tier: TierName
  readonly config: EncoderConfig
  readonly modelFile: string
  readonly tokenizerFile: string
  readonly labels: readonly string[]
  readonly maxTokens: number
}

export interface StartedCandidate {
  readonly url: URL
  readonly headers: OutgoingHttpHeaders
  readonly pid: number
  readonly readyAfterMs: number
  stop(): Promise<void>
}

export interface Candidate {
  readonly name: string
  /** of the server and of what runs the model */
  readonly versions: Readonly<Record<string, string>>
  readonly layouts: readonly Layout[]
  /** @param cpus to run on, as taskset lists them; undefined: this process's */
  start(layout: Layout, cpus: string | undefined): Promise<StartedCandidate>
  /** JSON of a request with one text */
  requestBody(text: string): Buffer
  /** @returns the label of an answer; undefined when it is none */
  labelOf(answer: unknown): string | undefined
}

/** A candidate that cannot take part, and why. */
export interface Skipped {
  readonly name: string
  readonly reason: string
}

export function describeLayout({ workers, threads, batch }: Layout): string {
  return `${workers} x ${threads} threads, batch ${batch}`
}
