import { placementLine } from '../host/placement.js'
import type { Trial } from '../load/search-goodput.js'
import { type Cell, percent, textTable } from '../output/text-table.js'
import { describeLayout } from './candidate.js'
import type { CandidateResult, PeersResult } from './peers-result.js'

/** The result as people read it. */
export function peersTable({
  family,
  tier,
  placement,
  workload,
  options,
  commonRatesPerSecond,
  candidates,
  skipped,
}: PeersResult): string {
  const best = (of: (one: CandidateResult) => number, names: (name: string) => boolean) =>
    Math.max(0, ...candidates.filter(({ name }) => names(name)).map(of))
  const goodput = (one: CandidateResult) => one.goodput?.goodPerSecond ?? 0
  const own = best(goodput, (name) => name === 'lextier')
  const others = best(goodput, (name) => name !== 'lextier')
  return [
    `family ${family}, tier ${tier}, portable model.onnx for the peers; ${workload.texts} texts that fit one window, of ${workload.source}`,
    placementLine(placement),
    '',
    `Goodput: answers a second within ${options.limitMs} ms at the highest rate whose p99 kept it (open loop, Poisson)`,
    textTable(
      ['server', 'layout', 'capacity texts/s', 'goodput/s', 'its p99 ms', 'same labels', 'errors', 'ready s'],
      candidates.map((one): Cell[] => [
        one.name,
        describeLayout(one.layout),
        one.capacity.textsPerSecond,
        one.goodput?.goodPerSecond ?? null,
        one.goodput?.p99Ms ?? null,
        percent(one.sameLabels),
        one.capacity.errors,
        one.readyAfterMs / 1_000,
      ]),
    ),
    ...(own > 0 && others > 0 ? [`lextier has ${(own / others).toFixed(2)} times the best peer's goodput`] : []),
    '',
    'p50 / p99 ms at the same rates (errors)',
    textTable(
      ['server', ...commonRatesPerSecond.map((rate) => `${rate.toPrecision(3)}/s`)],
      candidates.map(({ name, atCommonRates }) => [name, ...atCommonRates.map(showTrial)]),
    ),
    '',
    'Capacity of the layouts tried, texts/s',
    ...candidates.map(
      ({ name, tuning }) =>
        `${name}: ${tuning.map(({ layout, textsPerSecond, failure }) => `${describeLayout(layout)}: ${failure ?? textsPerSecond.toPrecision(3)}`).join('; ')}`,
    ),
    '',
    'Versions',
    ...candidates.map(
      ({ name, versions }) =>
        `${name}: ${Object.entries(versions)
          .map(([of, version]) => `${of} ${version}`)
          .join(', ')}`,
    ),
    ...skipped.map(({ name, reason }) => `skipped ${name}: ${reason}`),
  ].join('\n')
}

function showTrial({ p50Ms, p99Ms, errors }: Trial): string {
  const times = `${p50Ms?.toPrecision(3) ?? '–'} / ${p99Ms?.toPrecision(3) ?? '–'}`
  return errors === 0 ? times : `${times} (${errors})`
}
