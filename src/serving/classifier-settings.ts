/** A classifier's options with their defaults filled in, its tokenizers loaded, and its broken families set apart. */
import { InvalidConfiguration } from '../errors.js'
import type { BrokenFamily } from '../family/list-families.js'
import type { RequestedVariant } from '../onnx/variants/variant-names.js'
import type { Limit } from '../threads/limit-concurrency.js'
import { sharedTokenizer } from '../tokenizer/shared-tokenizer.js'
import { DEFAULT_TOLERATED_LATE } from './blocking.js'
import type { ClassifierOptions, RequestedProvider, ServingLog } from './classifier-options.js'
import { cpuQuota } from './cpu-quota.js'
import { ENGINE_FILE } from './engine.js'
import type { RequestedLanes } from './lane-plan.js'
import type { RequestedPairs } from './run-width.js'
import { ServedFamily } from './served-family.js'
import { startGate } from './start-gate.js'
import type { ServingObserver } from './types.js'

export interface ClassifierSettings {
  readonly families: readonly ServedFamily[]
  readonly broken: readonly BrokenFamily[]
  readonly provider: RequestedProvider
  readonly defaultFamily: string | undefined
  readonly defaultBudgetMs: number | undefined
  readonly engines: number | undefined
  readonly threads: number | undefined
  readonly gpus: number | undefined
  readonly lanes: RequestedLanes
  readonly pairs: RequestedPairs
  readonly maxQueue: number | undefined
  readonly maxQueueTotal: number | undefined
  readonly toleratedLate: number
  readonly maxQueueTokens: number
  readonly maxBatchTokens: number | undefined
  readonly maxRequestTokens: number
  readonly variant: RequestedVariant
  readonly cacheDir: string | undefined
  readonly engineFile: string
  /** undefined: all engines start at once */
  readonly gate: Limit | undefined
  readonly observer: ServingObserver
  readonly log: ServingLog
}

/** About 150 pages; on the CPU a minute or so of work for a teacher. */
export const DEFAULT_MAX_REQUEST_TOKENS = 131_072
/** Bounds what waiting work holds in memory: 4 bytes a token. */
const MAX_QUEUE_TOKENS = 4_194_304

/** @throws InvalidConfiguration when the default family is not among the families */
export function classifierSettings(options: ClassifierOptions): ClassifierSettings {
  const broken: BrokenFamily[] = [...(options.broken ?? [])]
  const families = options.families.flatMap((family) => {
    try {
      return [new ServedFamily(family, sharedTokenizer(family.paths.tokenizer))]
    } catch (error) {
      broken.push({ dir: family.dir, name: family.manifest.name, reason: (error as Error).message })
      return []
    }
  })
  const names = [...families.map(({ name }) => name), ...broken.map(({ name }) => name)]
  const defaultFamily = options.defaultFamily ?? names[0]
  if (defaultFamily !== undefined && !names.includes(defaultFamily)) {
    throw new InvalidConfiguration(
      'default family',
      `there is no family "${defaultFamily}"; there are: ${names.join(', ')}`,
    )
  }
  return {
    families,
    broken,
    provider: options.provider,
    defaultFamily,
    defaultBudgetMs: options.defaultBudgetMs,
    engines: options.engines,
    threads: options.threads,
    gpus: options.gpus,
    lanes: options.lanes ?? '1',
    pairs: options.pairs ?? 'off',
    maxQueue: options.maxQueue,
    toleratedLate: options.toleratedLate ?? DEFAULT_TOLERATED_LATE,
    maxQueueTotal: options.maxQueueTotal,
    maxQueueTokens: MAX_QUEUE_TOKENS,
    maxBatchTokens: options.maxBatchTokens,
    maxRequestTokens: options.maxRequestTokens ?? DEFAULT_MAX_REQUEST_TOKENS,
    variant: options.variant ?? 'portable',
    cacheDir: options.cacheDir,
    engineFile: ENGINE_FILE,
    gate: options.besideOthers ? startGate(cpuQuota()) : undefined,
    observer: options.observer ?? SILENT_OBSERVER,
    log: options.log ?? SILENT_LOG,
  }
}

const nothing = () => {}
const SILENT_OBSERVER: ServingObserver = {
  answered: nothing,
  rejected: nothing,
  batch: nothing,
  queueDepth: nothing,
  engineRestarted: nothing,
  familyReady: nothing,
}
const SILENT_LOG: ServingLog = { debug: nothing, info: nothing, warn: nothing, error: nothing }
