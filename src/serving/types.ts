/**
 * The face that serving shows to HTTP (and to anything else that wants predictions): plain data in, plain data out.
 * Times called `…Ms` without more are durations in milliseconds; `arrivalMs` is a reading of `performance.now()`.
 */
import type { TierName } from '../family/family-schema.js'
import type { VariantName } from '../onnx/variants/variant-names.js'

export type RequestedTier = 'auto' | TierName

export interface ClassifyRequest {
  /** 1 to 64 texts; none where `read` has their tokens */
  readonly texts: readonly string[]
  /** the texts as another process has read them */
  readonly read?: ReadTexts
  /** default: the configured default family */
  readonly family?: string
  readonly tier: RequestedTier
  /** milliseconds from arrival to answer; undefined: no deadline */
  readonly budgetMs?: number
  readonly onBudgetMiss: 'fastest' | 'reject'
  readonly longText: 'windows' | 'truncate'
  /** `auto` only: the cheapest tier answers first, a more accurate one where it is less sure than this */
  readonly minConfidence?: number
  /** answers whose probability is below this are marked as abstained */
  readonly abstainBelow?: number
  /** `performance.now()` when the request's first byte was seen */
  readonly arrivalMs: number
  /** aborts when the caller goes away: its waiting work is then never run */
  readonly signal?: AbortSignal
}

/** Texts whose tokens are known. */
export interface ReadTexts {
  /** without special tokens, one a text */
  readonly ids: readonly Int32Array[]
  /** hash of the definition that they were read with */
  readonly tokenizer: string
  readonly tokenizeMs: number
}

/** What texts are read with. */
export interface TokenizerDefinition {
  /** SHA-256 of the definition */
  readonly hash: string
  /** what a `tokenizer.json` holds */
  readonly definition: string
}

/** What a request says before its body is read. */
export interface RequestHead {
  readonly family?: string | undefined
  /** undefined: the body may name one */
  readonly tier?: RequestedTier | undefined
  /** milliseconds from arrival to answer; only with a tier */
  readonly budgetMs?: number | undefined
  readonly arrivalMs: number
}

export interface Prediction {
  readonly label: string
  readonly probability: number
  /** calibrated, one a label, in the family's label order; they sum to 1 */
  readonly probabilities: Readonly<Record<string, number>>
  /** tokens of the whole text, without special tokens */
  readonly tokens: number
  readonly tokensUsed: number
  readonly windows: number
  readonly truncated: boolean
  readonly abstained: boolean
}

export type RoutingReason =
  | 'most_accurate_within_budget'
  | 'protects_others'
  | 'requested'
  | 'no_budget'
  | 'budget_infeasible_fastest'
  /** the tier that was to answer was about to be too late: the cheapest one answered */
  | 'fell_back'
  | 'escalated'
  | 'confident'

export interface Routing {
  readonly requestedTier: RequestedTier
  readonly budgetMs?: number
  readonly predictedMs: number
  readonly actualMs: number
  /** undefined when there was no budget */
  readonly budgetMet?: boolean
  readonly reason: RoutingReason
  /** the tiers weighed, in the order weighed */
  readonly considered: readonly { readonly tier: TierName; readonly predictedMs: number }[]
  /** tiers that answered before and were not sure enough; only with `minConfidence` */
  readonly escalations?: number
}

export interface StageDurations {
  readonly tokenizeMs: number
  readonly queueMs: number
  readonly inferenceMs: number
}

export interface ClassifyResult {
  readonly family: string
  readonly version: string
  readonly tier: TierName
  readonly provider: string
  readonly predictions: readonly Prediction[]
  readonly routing: Routing
  readonly stages: StageDurations
}

/** What happened, for the instruments; serving calls these, `metrics` implements them, none may throw. */
export interface ServingObserver {
  /** one answered request */
  answered(result: ClassifyResult): void
  /** a request that got no prediction; the reason is an error code */
  rejected(reason: string): void
  /** one batch that an engine ran */
  batch(event: { family: string; tier: TierName; size: number; tokens: number; inferenceMs: number }): void
  queueDepth(tier: TierName, depth: number): void
  engineRestarted(): void
  familyReady(event: { family: string; version: string; tier: TierName; provider: string }): void
}

/** One point of a latency profile: the predicted time of a batch of one text of this many tokens. */
export interface LatencyPoint {
  readonly tokens: number
  readonly predictedMs: number
}

export interface TierStatus {
  readonly tier: TierName
  readonly ready: boolean
  readonly provider: string
  /** none before it is loaded */
  readonly variant: VariantName | 'none'
  readonly latencyProfile: readonly LatencyPoint[]
}

export interface FamilyStatus {
  readonly family: string
  readonly version: string
  readonly ready: boolean
  /** why it is not ready, a sentence each; empty when ready */
  readonly reasons: readonly string[]
  readonly tiers: readonly TierStatus[]
}

export interface Readiness {
  readonly ready: boolean
  readonly draining: boolean
  readonly reasons: readonly string[]
  /** tiers are still loading or warming up; once it is over, what is not ready stays so until something is repaired */
  readonly starting?: boolean
}

/** The classifier façade: everything the HTTP layer needs. */
export interface Classifier {
  /**
   * @throws TokenizerChanged where `read` was read with another tokenizer than the family's
   * @throws InvalidRequest, FamilyNotFound, TierNotFound, BudgetInfeasible, Overloaded, DeadlineExceeded, NotReady, Draining,
   *   RequestAborted, EngineFailed
   */
  classify(request: ClassifyRequest): Promise<ClassifyResult>
  /**
   * A request that finds no room need not be read; `classify` would refuse it alike, whatever its body says.
   * @returns Overloaded; undefined when there may be room
   */
  refusal?(head: RequestHead): Error | undefined
  families(): readonly FamilyStatus[]
  /** @returns what to read a family's texts with; undefined when it is not served */
  tokenizer?(family: string): TokenizerDefinition | undefined
  readiness(): Readiness
  /** refuses new work, finishes what was accepted, then stops the engines */
  drain(): Promise<void>
}
