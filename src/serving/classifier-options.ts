import type { BrokenFamily } from '../family/list-families.js'
import type { Family } from '../family/load-family.js'
import type { RequestedVariant } from '../onnx/variants/variant-names.js'
import type { RequestedLanes } from './lane-plan.js'
import type { RequestedPairs } from './run-width.js'
import type { ServingObserver } from './types.js'

export const REQUESTED_PROVIDERS = ['auto', 'cpu', 'cuda', 'webgpu'] as const
/** An execution provider as asked for; `auto` takes cuda, else webgpu on a real GPU, else cpu. */
export type RequestedProvider = (typeof REQUESTED_PROVIDERS)[number]
/** The part of a pino logger that serving uses. Nothing logged holds a request's text. */
export interface ServingLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface ClassifierOptions {
  readonly families: readonly Family[]
  /** families that could not be loaded: named in readiness, they do not stop the others */
  readonly broken?: readonly BrokenFamily[]
  readonly provider: RequestedProvider
  /** the family of requests that name none; default: the first */
  readonly defaultFamily?: string
  /** the budget of `auto` requests that bring none, ms; default: none, so that the teacher answers them */
  readonly defaultBudgetMs?: number
  /** inference processes; default: from the CPU quota, or one a GPU */
  readonly engines?: number
  /** threads of each inference process; default: from the CPU quota */
  readonly threads?: number
  /** `2`: the cheapest tier of each family has engines of its own, which the others' give way to; `auto` where that helps. Default 1 */
  readonly lanes?: RequestedLanes
  /** `auto`: on CPUs an engine of several threads has a second process, and runs two batches at once while texts wait. Default off */
  readonly pairs?: RequestedPairs
  /** NVIDIA GPUs that the engines of the CUDA provider take in turn; default: all of this machine */
  readonly gpus?: number
  /** requests that one tier of one family may have waiting; default 256 on the CPU, 4,096 on CUDA, 1,024 on WebGPU */
  readonly maxQueue?: number
  /** requests that may wait in all tiers together; default 4 times `maxQueue` */
  readonly maxQueueTotal?: number
  /** tokens of a batch, padding included; a single longer sequence still runs. Default 512 on the CPU, 16,384 on a GPU */
  readonly maxBatchTokens?: number
  /**
   * how many requests more than the cheapest tier would, expected, a more accurate one may make late, its own included; 0: none, which leaves it
   * idle moments and loads without tight budgets; large: every request gets the best tier that meets its own budget. Default 0.03
   */
  readonly toleratedLate?: number
  /** tokens of all texts of one request, where long texts are read in windows; default 131,072 */
  readonly maxRequestTokens?: number
  /** the form of the models that runs; `auto` takes the quickest that passes its check. Default portable */
  readonly variant?: RequestedVariant
  /** where variants are kept between starts; default: nowhere, they are built at every start */
  readonly cacheDir?: string
  /** others serve on this machine until this one is ready: so that they are disturbed less, its engines start a few at a time, and those of a high priority rest while they warm up */
  readonly besideOthers?: boolean
  readonly observer?: ServingObserver
  readonly log?: ServingLog
}
