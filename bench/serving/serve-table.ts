import { percent, textTable } from '../output/text-table.js'
import type { ServeResult } from './serve-result.js'

/** The result as people read it. */
export function serveTable(result: ServeResult): string {
  const { workload, server, budgetsMs } = result
  const memory = (usage: ServeResult['server']['whenReady']) =>
    usage ? `${Math.round(usage.rssMiB)} MiB resident in ${usage.processes} processes` : 'memory not told here'
  const { p10, p50, p90, max } = workload.tokens
  return [
    `family ${result.family} on ${server.provider}, ${server.engines} engine(s) of ${server.threads} thread(s), server from ${server.from}`,
    `${workload.source}; tokens p10 ${p10}, p50 ${p50}, p90 ${p90}, max ${max}`,
    `ready after ${(server.readyAfterMs / 1_000).toFixed(1)} s with ${memory(server.whenReady)}; at the end ${memory(server.atEnd)}`,
    '',
    'Capacity (closed loop) and what bare session.run reaches on the same texts, cores and threads',
    tierTable(result),
    '',
    `Latency from the intended send (open loop, Poisson); budgets ${budgetsMs.join(', ')} ms, equally likely`,
    openLoopTable(result),
    '',
    'Requests answered within their budget, by budget',
    budgetTable(result),
  ].join('\n')
}

function tierTable({ tiers, mixedCapacity }: ServeResult): string {
  const header = ['tier', 'parameters', 'idle p50 ms', 'idle p90 ms', 'texts/s', 'tokens/s', 'raw tokens/s', 'raw as']
  const shares = ['of raw', 'of raw per CPU-s', 'server CPU s', 'generator CPU s', 'connections', 'errors']
  const rows = tiers.map(({ tier, parameters, idle, capacity, raw, shareOfRaw, shareOfRawPerCpuSecond }) => [
    tier,
    parameters,
    idle.p50Ms,
    idle.p90Ms,
    capacity.textsPerSecond,
    capacity.tokensPerSecond,
    raw[raw.best].tokensPerSecond,
    raw.best === 'oneByOne' ? 'one by one' : 'length-sorted',
    percent(shareOfRaw),
    percent(shareOfRawPerCpuSecond),
    ...capacityCells(capacity),
  ])
  const { textsPerSecond, tokensPerSecond } = mixedCapacity
  const mixed = [null, null, null, textsPerSecond, tokensPerSecond, null, '–', '–', '–']
  return textTable(
    [...header, ...shares],
    [...rows, ['auto, mixed budgets', ...mixed, ...capacityCells(mixedCapacity)]],
  )
}

function capacityCells({ cpu, connections, load }: ServeResult['mixedCapacity']) {
  return [cpu.serverSeconds, cpu.generatorSeconds, connections, counts(load.errors)]
}

function openLoopTable({ openLoop }: ServeResult): string {
  const header = ['load', 'offered/s', 'requests', 'p50 ms', 'p90 ms', 'p99 ms', 'max ms', 'send lag p99 ms']
  const shares = [
    'budget met',
    '(server says)',
    'where promised',
    'within prediction',
    'actual/predicted',
    'tiers',
    'errors',
  ]
  return textTable(
    [...header, ...shares],
    openLoop.map(({ loadShare, offeredPerSecond, requests, latency, sendLag, budget, prediction, tiers, errors }) => [
      percent(loadShare),
      offeredPerSecond,
      requests,
      latency.p50Ms,
      latency.p90Ms,
      latency.p99Ms,
      latency.maxMs,
      sendLag.p99Ms,
      percent(budget?.metSeenByClient ?? null),
      percent(budget?.metSaidByServer ?? null),
      percent(budget?.metWherePromised ?? null),
      percent(prediction?.within ?? null),
      prediction?.medianRatio ?? null,
      counts(tiers),
      counts(errors),
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
