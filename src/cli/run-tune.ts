/** Serves a family from this process under one engine layout after the other and measures each. */
import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { FamilyNotFound, InvalidConfiguration, NotReady } from '../errors.js'
import { TIER_NAMES, type TierName } from '../family/family-schema.js'
import { listFamilies } from '../family/list-families.js'
import type { Family } from '../family/load-family.js'
import { createClassifier } from '../serving/classifier.js'
import { cpuQuota, type EngineLayout } from '../serving/cpu-quota.js'
import { REQUESTED_LANES, type RequestedLanes } from '../serving/lane-plan.js'
import type { Classifier } from '../serving/types.js'
import {
  bestLayout,
  candidateLayouts,
  environmentFile,
  type LayoutMeasurement,
  type TierMeasurement,
  TUNING_GOALS,
} from './tune-plan.js'

export interface TuneFlags {
  readonly models: string
  readonly family?: string
  readonly tier: string
  readonly for: string
  readonly lanes: string
  readonly seconds: string
  readonly cache: string
  readonly output?: string
  readonly json?: boolean
}

const READY_TIMEOUT_MS = 300_000
const POLL_MS = 20
/** Enough that every engine has a batch to run, one on its way, and more to choose similar lengths from. */
const CALLERS_AN_ENGINE = 16
/** Of a measurement, before it counts. */
const WARM_UP_SHARE = 0.2
/** Words a text: short notes to a few pages. */
const TEXT_WORDS = [24, 60, 110, 150, 180, 210, 240, 290, 400, 700]
const WORDS = 'the court held that a petitioner convicted under state law may appeal and affirmed the judgment'.split(
  ' ',
)

/** @throws FamilyNotFound; InvalidConfiguration for a flag; NotReady when the family cannot be served */
export async function runTune(flags: TuneFlags): Promise<void> {
  const goal = TUNING_GOALS.find((name) => name === flags.for)
  if (!goal) throw new InvalidConfiguration('--for', `give one of ${TUNING_GOALS.join(', ')}`)
  const lanes = REQUESTED_LANES.find((name) => name === flags.lanes)
  if (!lanes) throw new InvalidConfiguration('--lanes', `give one of ${REQUESTED_LANES.join(', ')}`)
  const seconds = Number(flags.seconds)
  if (!(seconds >= 0.2 && seconds <= 600)) throw new InvalidConfiguration('--seconds', 'give a number from 0.2 to 600')
  const family = await chosenFamily(flags)
  const tiers = chosenTiers(family, flags.tier)
  const cpus = cpuQuota()
  const measured: LayoutMeasurement[] = []
  for (const layout of candidateLayouts(cpus)) {
    process.stderr.write(`${plural(layout.engines, 'engine')} of ${plural(layout.threads, 'thread')} …\n`)
    measured.push(
      await measureLayout({ family, tiers, lanes, cacheDir: flags.cache, durationMs: 1000 * seconds }, layout),
    )
  }
  const best = bestLayout(measured, goal)
  const { engines, threads } = best
  if (flags.output !== undefined) await writeFile(flags.output, environmentFile(best, lanes, goal))
  if (flags.json) {
    const layouts = measured.map(({ tiers: results, besideMs, ...layout }) => ({
      ...layout,
      ...(besideMs !== undefined && { beside_ms: besideMs }),
      tiers: results.map(({ tier, idleMs, textsPerSecond }) => ({
        tier,
        idle_ms: idleMs,
        texts_per_second: textsPerSecond,
      })),
    }))
    const family_version = { family: family.manifest.name, version: family.version }
    console.log(
      JSON.stringify({ ...family_version, cpus, lanes, for: goal, layouts, best: { engines, threads } }, null, 2),
    )
    return
  }
  process.stdout.write(
    `${family.manifest.name}, ${cpus} CPUs, lanes ${lanes}; idle: median of a lone request; texts/s: loaded; ` +
      'beside the others: of a lone request of the cheapest tier while each other tier always has one\n',
  )
  for (const layout of measured) process.stdout.write(`${describe(layout)}\n`)
  process.stdout.write(`best for ${goal}: lextier serve --engines ${engines} --threads ${threads} --lanes ${lanes}\n`)
  if (flags.output !== undefined) process.stdout.write(`written to ${flags.output}\n`)
}

async function chosenFamily({ models, family: name }: TuneFlags): Promise<Family> {
  const { families } = await listFamilies(models, { verify: 'hashes' })
  const found = name === undefined ? families[0] : families.find(({ manifest }) => manifest.name === name)
  if (found) return found
  throw new FamilyNotFound(name ?? '', families.map(({ manifest }) => manifest.name).join(', ') || '(none)')
}

function chosenTiers({ manifest }: Family, asked: string): TierName[] {
  const served = manifest.tiers.map(({ tier }) => tier)
  const tiers = asked === 'all' ? served : served.filter((tier) => tier === asked)
  if (tiers.length > 0) return tiers
  throw new InvalidConfiguration(
    '--tier',
    `give one of ${TIER_NAMES.filter((tier) => served.includes(tier)).join(', ')}, all`,
  )
}

interface Measured {
  readonly family: Family
  /** most accurate first */
  readonly tiers: readonly TierName[]
  readonly lanes: RequestedLanes
  readonly cacheDir: string
  /** of each measurement */
  readonly durationMs: number
}

async function measureLayout(
  { family, tiers, lanes, cacheDir, durationMs }: Measured,
  layout: EngineLayout,
): Promise<LayoutMeasurement> {
  let fault: string | undefined
  const nothing = () => {}
  const classifier = await createClassifier({
    log: {
      debug: nothing,
      info: nothing,
      warn: nothing,
      error: (fields, message) => {
        fault ??= String((fields as { reason?: unknown }).reason ?? message)
      },
    },
    families: [family],
    provider: 'cpu',
    variant: 'auto',
    cacheDir,
    lanes,
    pairs: 'auto',
    ...layout,
  })
  try {
    await untilReady(classifier, () => fault)
    const results: TierMeasurement[] = []
    for (const tier of tiers) {
      const lone = await closedLoop(classifier, tier, 1, durationMs)
      const loaded = await closedLoop(classifier, tier, CALLERS_AN_ENGINE * layout.engines, durationMs)
      results.push({ tier, idleMs: lone.medianMs, textsPerSecond: loaded.textsPerSecond })
    }
    const cheapest = tiers.at(-1)!
    const others = tiers.slice(0, -1)
    if (others.length === 0) return { ...layout, tiers: results }
    const [beside] = await Promise.all([cheapest, ...others].map((tier) => closedLoop(classifier, tier, 1, durationMs)))
    return { ...layout, tiers: results, besideMs: beside!.medianMs }
  } finally {
    await classifier.drain()
  }
}

async function untilReady(classifier: Classifier, fault: () => string | undefined): Promise<void> {
  const giveUpMs = performance.now() + READY_TIMEOUT_MS
  while (!classifier.readiness().ready) {
    // a tier or an engine that failed does not come back by waiting
    const reason = fault() ?? (performance.now() > giveUpMs ? classifier.readiness().reasons.join('; ') : undefined)
    if (reason !== undefined) throw new NotReady(reason)
    await sleep(POLL_MS)
  }
}

/** So many callers, each asking again when it was answered; at least one answer each. */
async function closedLoop(classifier: Classifier, tier: TierName, callers: number, durationMs: number) {
  const startMs = performance.now()
  const countsFromMs = startMs + WARM_UP_SHARE * durationMs
  const endMs = startMs + durationMs
  const latenciesMs: number[] = []
  let finished = 0
  let lastMs = countsFromMs
  let next = 0
  const caller = async () => {
    do {
      const arrivalMs = performance.now()
      const texts = [textOf(TEXT_WORDS[next++ % TEXT_WORDS.length]!)]
      await classifier.classify({ texts, tier, onBudgetMiss: 'fastest', longText: 'windows', arrivalMs })
      const answeredMs = performance.now()
      latenciesMs.push(answeredMs - arrivalMs)
      if (answeredMs < countsFromMs) continue
      finished++
      lastMs = answeredMs
    } while (performance.now() < endMs)
  }
  await Promise.all(Array.from({ length: callers }, caller))
  const sorted = latenciesMs.sort((a, b) => a - b)
  return {
    medianMs: sorted[Math.floor(sorted.length / 2)]!,
    textsPerSecond: (1000 * finished) / Math.max(1, lastMs - countsFromMs),
  }
}

function textOf(words: number): string {
  return Array.from({ length: words }, (_, index) => WORDS[index % WORDS.length]).join(' ')
}

function describe({ engines, threads, tiers, besideMs }: LayoutMeasurement): string {
  const figures = tiers.map(
    ({ tier, idleMs, textsPerSecond }) =>
      `${tier} idle ${idleMs.toPrecision(3)} ms, ${textsPerSecond.toPrecision(3)} texts/s`,
  )
  if (besideMs !== undefined) figures.push(`${tiers.at(-1)!.tier} beside the others ${besideMs.toPrecision(3)} ms`)
  return `--engines ${engines} --threads ${threads}: ${figures.join('; ')}`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
