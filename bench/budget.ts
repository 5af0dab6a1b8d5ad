/** The budget bench: mixed latency budgets under load, lextier's routing beside fixed choices of tier. */
import type { TierName } from '../src/family/family-schema.js'
import { createRandom } from '../training/random.js'
import { feasibility, type IdleSample } from './budget/feasible.js'
import {
  type BudgetedRequest,
  type EqualSplit,
  type PolicyOutcome,
  policyOutcome,
  splitAtEqualAttainment,
} from './budget/policy-outcome.js'
import { budgetTable, ROUTED, staticSplit, type TierPolicy } from './budget/tier-policy.js'
import { isAnswered } from './load/observation.js'
import { durationPercentiles } from './load/percentile.js'
import { poissonArrivals } from './load/poisson-arrivals.js'
import { runLine } from './output/run-line.js'
import { percent, textTable } from './output/text-table.js'
import { type BenchResult, writeResult } from './output/write-result.js'
import { measureCapacity } from './serving/measure-capacity.js'
import { CAPACITY_SHARE, IDLE_SHARE } from './serving/measure-tier.js'
import {
  connectionsFor,
  type MeasuredServer,
  type OnProgress,
  prepareBench,
  withServer,
} from './serving/measured-server.js'
import { numbers, type ServeFlags, type ServeOptions, serveOptions } from './serving/serve-options.js'
import type { RunDescription } from './serving/serve-result.js'
import { dealTexts } from './workload/workload.js'

export interface BudgetFlags extends ServeFlags {
  readonly splits: string
}

export interface LoadOutcome {
  readonly loadShare: number
  readonly offeredPerSecond: number
  readonly policies: readonly (PolicyOutcome & { readonly policy: string; readonly level: number | null })[]
  /** null when even always the quickest tier attains less than routing */
  readonly splitAtEqualAttainment: EqualSplit | null
  /** mean accuracy rank that routing has over that split; null where there is none */
  readonly rankOverSplit: number | null
  /** points of accuracy that routing has over that split; null where there is none */
  readonly accuracyPointsOverSplit: number | null
}

export interface BudgetResult extends BenchResult, RunDescription {
  readonly bench: 'budget'
  readonly budgetsMs: readonly number[]
  readonly idle: readonly { readonly tier: TierName; readonly p90Ms: number }[]
  /** requests a second under these budgets, closed loop */
  readonly capacityPerSecond: number
  readonly loads: readonly LoadOutcome[]
}

/**
 * Each policy's load goes on for so much longer and is not measured at first, shares of `--seconds`: what a router knows of the
 * load, and queues, are otherwise those of whatever ran before.
 */
const LEAD_SHARE = 0.25

/** `npm run bench -- budget` */
export async function runBudgetBench(flags: BudgetFlags): Promise<void> {
  const splits = numbers('--splits', flags.splits, 0, 1)
  const result = await benchBudget(serveOptions(flags), splits, (phase) => process.stderr.write(`${phase} …\n`))
  await writeResult(result, budgetBenchTable(result), flags.json)
}

/** @param splits levels of static splits to measure beside always the quickest (0) and always the most accurate tier (1) */
export async function benchBudget(
  options: ServeOptions,
  splits: readonly number[],
  onProgress: OnProgress,
): Promise<BudgetResult> {
  const prepared = await prepareBench(options, onProgress)
  const { measured, run } = await withServer(prepared, (server) => measure(server, splits))
  return { bench: 'budget', ...run, ...measured }
}

async function measure(server: MeasuredServer, splits: readonly number[]) {
  const { options, family, context, onProgress } = server
  const budgetsMs = options.budgetsMs!
  const names = family.manifest.tiers.map(({ tier }) => tier)
  const idle: { tier: TierName; p90Ms: number; samples: IdleSample[] }[] = []
  for (const tier of names) {
    onProgress(`${tier}: idle latency`)
    idle.push({ tier, ...(await idleSamples(server, tier)) })
  }
  onProgress('capacity under these budgets')
  const { textsPerSecond } = await measureCapacity(context, {
    tier: 'auto',
    budgetsMs,
    connections: connectionsFor(server),
    durationMs: CAPACITY_SHARE * 1_000 * options.seconds,
  })
  const isFeasible = feasibility(idle.at(-1)!.samples)
  const levels = [...new Set([0, ...splits, 1])].sort((a, b) => a - b)
  const policies: { policy: TierPolicy; level: number | null }[] = [
    { policy: ROUTED, level: null },
    { policy: budgetTable(idle), level: null },
    ...levels.map((level) => ({ policy: staticSplit(names, level), level })),
  ]
  const loads: LoadOutcome[] = []
  for (const loadShare of options.loadShares) {
    const ratePerSecond = loadShare * textsPerSecond
    const outcomes: LoadOutcome['policies'][number][] = []
    for (const { policy, level } of policies) {
      onProgress(`${Math.round(100 * loadShare)}% of capacity, ${policy.name}`)
      const requests = await runPolicy(server, policy, { ratePerSecond, budgetsMs, isFeasible })
      outcomes.push({ policy: policy.name, level, ...policyOutcome(requests, accuracies(server)) })
    }
    loads.push({ loadShare, offeredPerSecond: ratePerSecond, policies: outcomes, ...overSplit(outcomes) })
  }
  return {
    budgetsMs,
    idle: idle.map(({ tier, p90Ms }) => ({ tier, p90Ms })),
    capacityPerSecond: textsPerSecond,
    loads,
  }
}

interface PolicyLoad {
  readonly ratePerSecond: number
  readonly budgetsMs: readonly number[]
  isFeasible(tokens: number, budgetMs: number): boolean
}

/** Every policy gets the same arrivals, texts and budgets: randomness is drawn from the seed and the rate alone. */
async function runPolicy(server: MeasuredServer, policy: TierPolicy, load: PolicyLoad): Promise<BudgetedRequest[]> {
  const { options, workload, context } = server
  const random = createRandom(options.seed).fork('budget bench')
  const leadMs = LEAD_SHARE * 1_000 * options.seconds
  const arrivalsMs = poissonArrivals(load.ratePerSecond, leadMs + 1_000 * options.seconds, random)
  const nextText = dealTexts([...workload.texts.keys()], random)
  const requests = arrivalsMs.map(() => {
    const budgetMs = load.budgetsMs[random.integer(load.budgetsMs.length)]!
    return { body: nextText(), budgetMs, tier: policy.choose(random.next(), budgetMs) }
  })
  const observations = await context.load.openLoop({ arrivalsMs, requests, poll: server.placement.poll })
  return observations
    .map((observation, index) => {
      const { body, budgetMs } = requests[index]!
      return { observation, feasible: load.isFeasible(workload.texts[body]!.tokens, budgetMs) }
    })
    .filter((_, index) => arrivalsMs[index]! >= leadMs)
}

async function idleSamples({ context, options }: MeasuredServer, tier: TierName) {
  const { observations } = await context.load.closedLoop({
    tier,
    budgetsMs: [],
    connections: 1,
    durationMs: IDLE_SHARE * 2 * 1_000 * options.seconds,
  })
  const samples = observations
    .filter(isAnswered)
    .map(({ outcome, sentMs, endedMs }) => ({ tokens: outcome.tokens, ms: endedMs - sentMs }))
  return { samples, p90Ms: durationPercentiles(samples.map(({ ms }) => ms)).p90Ms ?? Number.POSITIVE_INFINITY }
}

function accuracies({ family }: MeasuredServer) {
  return family.manifest.tiers.map(({ tier, quality }) => ({ tier, accuracy: quality.accuracy.value }))
}

function overSplit(
  outcomes: LoadOutcome['policies'],
): Pick<LoadOutcome, 'splitAtEqualAttainment' | 'rankOverSplit' | 'accuracyPointsOverSplit'> {
  const routed = outcomes[0]!
  const points = outcomes.filter((one) => one.level !== null).map((one) => ({ ...one, level: one.level! }))
  const equal = splitAtEqualAttainment(points, routed.attainment)
  return {
    splitAtEqualAttainment: equal,
    rankOverSplit: equal && routed.meanRank !== null ? routed.meanRank - equal.level : null,
    accuracyPointsOverSplit:
      equal && routed.meanAccuracy !== null ? 100 * (routed.meanAccuracy - equal.meanAccuracy) : null,
  }
}

function budgetBenchTable({
  family,
  server,
  workload,
  budgetsMs,
  idle,
  capacityPerSecond,
  loads,
  ...run
}: BudgetResult): string {
  const names = idle.map(({ tier }) => tier)
  const cells = (outcome: LoadOutcome['policies'][number]) => [
    outcome.policy,
    percent(outcome.attainment),
    percent(outcome.attainmentOfAll),
    percent(outcome.promisesKept),
    outcome.meanRank?.toFixed(3) ?? null,
    percent(outcome.meanAccuracy),
    ...names.map((tier) => outcome.tiers[tier] ?? 0),
    Object.values(outcome.errors).reduce((sum, count) => sum + count, 0),
  ]
  return [
    `family ${family} on ${server.provider}, engines ${server.engines}, threads of each ${server.threads}, server from ${server.from}`,
    workload.source,
    runLine(run),
    `budgets ${budgetsMs.join(', ')} ms, equally likely; idle p90 ${idle.map(({ tier, p90Ms }) => `${tier} ${p90Ms.toFixed(1)} ms`).join(', ')}`,
    `capacity under these budgets ${capacityPerSecond.toPrecision(3)} requests/s`,
    ...loads.flatMap((load) => [
      '',
      `Load ${percent(load.loadShare)}: ${load.offeredPerSecond.toPrecision(3)} requests/s, ` +
        `${load.policies[0]!.feasible} of ${load.policies[0]!.requests} feasible`,
      textTable(
        ['policy', 'met of feasible', 'met of all', 'promises kept', 'mean rank', 'mean accuracy', ...names, 'errors'],
        load.policies.map(cells),
      ),
      splitSentence(load),
    ]),
  ].join('\n')
}

function splitSentence({
  splitAtEqualAttainment: split,
  rankOverSplit: rank,
  accuracyPointsOverSplit: points,
  policies,
}: LoadOutcome): string {
  if (!split)
    return `no static split, not even "${policies.find(({ level }) => level === 0)!.policy}", attains as much as routing`
  const gain =
    points === null || rank === null
      ? ''
      : `: routing has ${signed(rank, 3)} of mean rank and ${signed(points, 2)} points of accuracy over it`
  return `static split of equal attainment: level ${split.level.toFixed(2)}, accuracy ${percent(split.meanAccuracy)}${gain}`
}

function signed(value: number, digits: number): string {
  return `${value >= 0 ? '+' : ''}${value.toFixed(digits)}`
}
