/**
 * An inference process: loads the tiers it is told to, times them, then answers batches one after the other. It owns the
 * native sessions, so neither a long run nor a crash in a provider reaches the main process. It leaves when its parent does.
 */
import { Socket } from 'node:net'
import { setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { FamilyFileAltered } from '../errors.js'
import type { TierManifest, TierName } from '../family/family-schema.js'
import { type Family, loadFamily } from '../family/load-family.js'
import { MANIFEST_FILE } from '../family/manifest.js'
import type { VariantSession } from '../onnx/variants/open-variant.js'
import { StayAwake } from '../threads/stay-awake.js'
import { type BatchFrame, decodeBatch, encodeLogits } from './batch-frames.js'
import { batchTokenLimit } from './batch-limits.js'
import { engineFault } from './engine-fault.js'
import { type EngineReport, FRAMES_FD, type LoadCommand, tierId } from './engine-protocol.js'
import { FrameReader } from './frames.js'
import { runOnlyWhenIdle } from './idle-scheduling.js'
import type { LatencySample } from './latency-surface.js'
import type { RunWidth } from './run-width.js'
import { keepsMemory } from './session-memory.js'
import { sessionThreads } from './session-threads.js'
import { warmUp } from './warm-up.js'

/** Of narrow runs, of which wide ones have told most, each length once. */
const WARM_UP_BUDGET_MS: Readonly<Record<RunWidth, number>> = { wide: 600, narrow: 0 }

const sessions: Readonly<Record<RunWidth, Map<string, VariantSession>>> = { wide: new Map(), narrow: new Map() }

function report(message: EngineReport): void {
  // the channel closes when the parent goes; the disconnect handler then ends this process
  process.send?.(message, undefined, undefined, () => {})
}

let provider = 'cpu'
let awake = new StayAwake(0)

async function load(command: LoadCommand): Promise<void> {
  provider = command.provider
  awake = new StayAwake(command.awakeMs)
  try {
    // before the native library starts its threads, which inherit it
    setPriority(0, command.niceness)
  } catch {
    // some sandboxes forbid it; the engine then competes with the API at equal priority
  }
  for (const family of command.families) {
    // the server checked the files when it started; they may have been replaced since
    const altered = command.restarted ? await alterationOf(family) : undefined
    for (const { tier } of family.manifest.tiers) {
      try {
        if (altered) throw altered
        await loadTier(command, family, tier)
      } catch (error) {
        report({
          type: 'tier-failed',
          family: family.manifest.name,
          tier,
          ...engineFault(error, command.provider),
        })
      }
    }
  }
  // weights that variants were built from: what comes now is too little to have them collected
  globalThis.gc?.()
  // only now: others must not keep it from loading
  if (command.onlyWhenIdle) runOnlyWhenIdle()
  report({ type: 'ready' })
}

/** @returns FamilyInvalid or FamilyFileAltered when the folder no longer holds this version of the family */
async function alterationOf({ dir, version }: Family): Promise<Error | undefined> {
  try {
    const found = await loadFamily(dir, { verify: 'hashes' })
    return found.version === version ? undefined : new FamilyFileAltered(MANIFEST_FILE, version, found.version)
  } catch (error) {
    return error as Error
  }
}

async function loadTier(command: LoadCommand, family: Family, tier: TierName) {
  const manifest = family.manifest.tiers.find((candidate) => candidate.tier === tier)!
  const { config } = manifest
  const key = { family: family.manifest.name, tier }
  const profiles: Partial<Record<RunWidth, readonly LatencySample[]>> = {}
  const opened = new Map<number, VariantSession>()
  let [loadMs, profileMs] = [0, 0]
  for (const width of command.widths) {
    const threads = sessionThreads(config, command.threads, width)
    const same = opened.get(threads)
    const startMs = performance.now()
    const session = same ?? (await openTierSession(command, family, manifest, threads))
    const loadedMs = performance.now()
    sessions[width].set(tierId(key), session)
    opened.set(threads, session)
    if (same) continue
    const run = (tokens: number, rows: number) =>
      session.run(Array.from({ length: rows }, () => ({ inputIds: anyTokens(tokens, config.vocabSize) })))
    const { maxTokens } = family.manifest
    const maxBatchTokens = batchTokenLimit(command.provider, config, command.maxBatchTokens)
    // the longest input takes the memory that others find
    if (width === 'narrow') await run(maxTokens, 1)
    // a pair's second process runs what its first has timed
    if (command.widths.includes('wide')) {
      profiles[width] = await warmUp(run, {
        ...{ maxTokens, maxBatchTokens },
        budgetMs: WARM_UP_BUDGET_MS[width],
        now: () => performance.now(),
        ...(command.gentle && { rest: sleep }),
      })
    }
    loadMs += loadedMs - startMs
    profileMs += performance.now() - loadedMs
  }
  const session = sessions[command.widths[0]!].get(tierId(key))!
  report({
    type: 'tier-loaded',
    ...key,
    provider: session.provider,
    variant: session.variant,
    variantFrom: session.from,
    variantNotes: variantNotes(session),
    ...{ profiles, loadMs, profileMs },
  })
}

async function openTierSession(command: LoadCommand, family: Family, { tier, config }: TierManifest, threads: number) {
  const { openVariant } = await import('../onnx/variants/open-variant.js')
  const { provider, device, spinUs, variant, cacheDir } = command
  return openVariant(family, tier, {
    ...{ provider, threads, device, variant, cacheDir, keepMemory: keepsMemory(config) },
    ...(spinUs !== undefined && { spinUs }),
    checkedOn: async () => (await import('./variant-texts.js')).variantTexts(family),
  })
}

function variantNotes({ refused, cacheFault }: VariantSession): string[] {
  const notes = refused.map(({ variant, reason }) => `variant ${variant} is not used: ${reason}`)
  if (cacheFault !== undefined)
    notes.push(`the variant is built anew at every start: the cache cannot be written (${cacheFault})`)
  return notes
}

async function run({ batchId, tier, width, sequences }: BatchFrame): Promise<void> {
  try {
    const session = sessions[width].get(tier)
    if (!session) throw new Error(`tier "${tier}" is not loaded`)
    const startMs = performance.now()
    const rows = await session.run(sequences.map((inputIds) => ({ inputIds })))
    const inferenceMs = performance.now() - startMs
    const labels = rows[0]?.length ?? 0
    const logits = new Float32Array(rows.length * labels)
    rows.forEach((row, index) => {
      logits.set(row, index * labels)
    })
    frames.write(encodeLogits({ batchId, inferenceMs, logits }))
    awake.extend()
  } catch (error) {
    report({ type: 'batch-failed', batchId, ...engineFault(error, provider) })
  }
}

/** Spread over the vocabulary, so that warm-up touches the embedding table as real texts do. */
function anyTokens(length: number, vocabSize: number): Int32Array {
  return Int32Array.from({ length }, (_, index) => (index * 7919 + 1) % vocabSize)
}

let work: Promise<void> = Promise.resolve()

process.on('message', (command: LoadCommand) => {
  work = work.then(() => load(command))
})
const frames = new Socket({ fd: FRAMES_FD, allowHalfOpen: true })
const reader = new FrameReader((words) => {
  const batch = decodeBatch(words)
  work = work.then(() => run(batch))
})
frames.on('data', (piece: Buffer) => reader.push(piece))
frames.on('end', () => {
  // what it still answers must have left
  void work.then(() => frames.end(() => process.exit(0)))
})
// the disconnect handler ends this process
frames.on('error', () => {})
process.on('disconnect', () => process.exit(0))
// Ctrl-C and service managers signal the whole group; the parent decides when accepted work is done
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
