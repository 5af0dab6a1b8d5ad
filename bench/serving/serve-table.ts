import { runLine } from '../output/run-line.js'
import { type Cell, percent, textTable } from '../output/text-table.js'
import type { ServeResult } from './serve-result.js'

/** The result as people read it. */
export function serveTable(result: ServeResult): string {
  const { workload, server, budgetsMs } = result
  const memory = (usage: ServeResult['server']['whenReady']) =>
    usage ? `${Math.round(usage.rssMiB)} MiB resident in ${usage.processes} processes` : 'memory not told here'
  const { p10, p50, p90, max } = workload.tokens
  return [
    `family ${result.family} on ${server.provider}, engines ${server.engines}, threads of each ${server.threads}, server from ${server.from}`,
    `${workload.source}; tokens p10 ${p10}, p50 ${p50}, p90 ${p90}, max ${max}`,
    runLine(result),
    `ready after ${(server.readyAfterMs / 1_000).toFixed(1)} s with ${memory(server.whenReady)}; at the end ${memory(server.atEnd)}`,
    '',
    'Capacity (closed loop)',
    capacityTable(result),
    '',
    'Share of what bare session.run reaches: same variant, texts, cores and threads; tokens/s',
    rawTable(result),
    '',
    `Latency from the intended send (open loop, Poisson); budgets ${budgetsMs.join(', ')} ms, equally likely`,
    latencyTable(result),
    '',
    'Budgets and predictions',
    routingTable(result),
    '',
    'Requests answered within their budget, seen by the client',
    budgetTable(result),
    ...result.warnings.map((warning) => `\nwarning: ${warning}`),
  ].join('\n')
}

function capacityTable({ tiers, mixedCapacity }: ServeResult): string {
  const row = (name: string, idle: readonly Cell[], capacity: ServeResult['mixedCapacity']): Cell[] => [
    name,
    ...idle,
    capacity.textsPerSecond,
    capacity.tokensPerSecond,
    capacity.textsPerCpuSecond,
    capacity.cpu.serverSeconds,
    capacity.cpu.generatorSeconds,
    capacity.connections,
    capacity.live.p99Ms,
    counts(capacity.load.errors),
  ]
  const idle = ['tier', 'idle p50 ms', 'idle p90 ms']
  const served = [
    'texts/s',
    'tokens/s',
    'texts/server CPU-s',
    'server CPU-s',
    'generator CPU-s',
    'connections',
    'live p99 ms',
    'errors',
  ]
  return textTable(
    [...idle, ...served],
    [
      ...tiers.map(({ tier, idle: { p50Ms, p90Ms }, capacity }) => row(tier, [p50Ms, p90Ms], capacity)),
      row('auto, mixed budgets', [null, null], mixedCapacity),
    ],
  )
}

function rawTable({ tiers }: ServeResult): string {
  return textTable(
    [
      'tier',
      'parameters',
      'variant',
      'processes x threads',
      'one by one',
      'length-sorted',
      'served',
      'share of best',
      'share per CPU-s',
    ],
    tiers.map(({ tier, parameters, raw, capacity, shareOfRaw, shareOfRawPerCpuSecond }) => [
      tier,
      parameters,
      raw.variant,
      `${raw.processes} x ${raw.threads}`,
      raw.oneByOne.tokensPerSecond,
      raw.lengthSorted.tokensPerSecond,
      capacity.tokensPerSecond,
      percent(shareOfRaw),
      percent(shareOfRawPerCpuSecond),
    ]),
  )
}

function latencyTable({ openLoop }: ServeResult): string {
  return textTable(
    ['load', 'offered/s', 'requests', 'p50 ms', 'p90 ms', 'p99 ms', 'max ms', 'send lag p99 ms', 'errors'],
    openLoop.map(({ loadShare, offeredPerSecond, requests, latency, sendLag, errors }) => [
      percent(loadShare),
      offeredPerSecond,
      requests,
      latency.p50Ms,
      latency.p90Ms,
      latency.p99Ms,
      latency.maxMs,
      sendLag.p99Ms,
      counts(errors),
    ]),
  )
}

function routingTable({ openLoop, tiers }: ServeResult): string {
  const names = tiers.map(({ tier }) => tier)
  const shares = ['met, client', 'met, server', 'met where promised', 'within prediction', 'actual/predicted']
  return textTable(
    ['load', ...shares, ...names.map((name) => `by ${name}`)],
    openLoop.map(({ loadShare, answered, budget, prediction, tiers: answers }) => [
      percent(loadShare),
      percent(budget?.metSeenByClient ?? null),
      percent(budget?.metSaidByServer ?? null),
      percent(budget?.metWherePromised ?? null),
      percent(prediction?.within ?? null),
      prediction?.medianRatio ?? null,
      ...names.map((name) => percent(answered === 0 ? null : (answers[name] ?? 0) / answered)),
    ]),
  )
}

function budgetTable({ openLoop, budgetsMs }: ServeResult): string {
  return textTable(
    ['load', ...budgetsMs.map((budgetMs) => `${budgetMs} ms`)],
    openLoop.map(({ loadShare, budget }) => [
      percent(loadShare),
      ...budgetsMs.map((budgetMs) => {
        const found = budget?.byBudget.find((one) => one.budgetMs === budgetMs)
        return found ? `${percent(found.met / found.requests)} of ${found.requests}` : '–'
      }),
    ]),
  )
}

function counts(byName: Readonly<Record<string, number>>): string {
  const entries = Object.entries(byName).sort(([, a], [, b]) => b - a)
  return entries.length === 0 ? 'none' : entries.map(([name, count]) => `${name} ${count}`).join(', ')
}
