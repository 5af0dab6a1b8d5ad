import type { ModelKind, StudyResults } from '../study/results.js'
import { axis, type ChartSize, chartSvg, FAINT, FIRST, INK, PAPER, SECOND, THIRD } from './chart-svg.js'
import { listed, milliseconds, percent } from './figures.js'
import type { Html } from './html.js'
import { type LabelPlace, labelPlaces } from './label-places.js'
import { type Call, describeCall, latencyOf } from './recommendation.js'

/** Shape and colour of a kind of model; either alone tells them apart. */
export const KIND_MARKS: Record<ModelKind, { symbol: string; colour: string; sign: string }> = {
  teacher: { symbol: 'diamond', colour: INK, sign: '◆' },
  student: { symbol: 'circle', colour: FIRST, sign: '●' },
  chain: { symbol: 'triangle', colour: THIRD, sign: '▲' },
  control: { symbol: 'rect', colour: SECOND, sign: '■' },
}

const GRID = { left: 52, right: 16, top: 14, bottom: 46 }

interface Point {
  readonly name: string
  readonly kind: ModelKind
  readonly rank: number
  readonly p50: number
  readonly p95: number
  readonly accuracy: number
  readonly low: number
  readonly high: number
}

/**
 * Accuracy against latency for one kind of call, numbered as in the leaderboard: the vertical bar of a point is the 95% interval
 * of accuracy, the horizontal one runs from the median to the 95th percentile of latency.
 * @param ranks of the models in the leaderboard
 */
export function paretoChart(
  id: string,
  results: StudyResults,
  call: Call & { readonly front: readonly string[] },
  ranks: ReadonlyMap<string, number>,
  size: ChartSize,
): Html {
  const points = pointsOf(results, call, ranks)
  const front = points.filter(({ name }) => call.front.includes(name)).sort((a, b) => a.p50 - b.p50)
  const latencies = points.flatMap(({ p50, p95 }) => [p50, p95])
  const [least, most] = [Math.min(...latencies), Math.max(...latencies)]
  const logarithmic = most / least > 8
  const majority = 100 * results.majority.accuracy
  const lows = [...points.map(({ low }) => low), majority]
  const highs = [...points.map(({ high }) => high), majority]
  const step = Math.max(...highs) - Math.min(...lows) > 12 ? 5 : 1
  const [bottom, top] = [
    Math.max(0, step * Math.floor((Math.min(...lows) - 0.5) / step)),
    Math.min(100, step * Math.ceil((Math.max(...highs) + 0.5) / step)),
  ]
  const [left, right] = [logarithmic ? decade(least / 1.15, 'below') : 0, decade(most, 'above')]
  const sideways = (ms: number) =>
    logarithmic ? Math.log(ms / left) / Math.log(right / left) : (ms - left) / (right - left)
  const places = labelPlaces(
    points.map(({ p50, accuracy }) => ({
      x: sideways(p50) * (size.width - GRID.left - GRID.right),
      y: ((top - accuracy) / (top - bottom)) * (size.height - GRID.top - GRID.bottom),
    })),
  )
  const bars = (lines: readonly (readonly [number, number])[][]) => lines.flatMap((line) => [...line, ['-', '-']])
  const description = `${points.length} models. Not beaten in both: ${listed(
    front.map(({ name, accuracy, p50 }) => `${name} (${percent(accuracy / 100)}, ${milliseconds(p50)} ms)`),
  )}.`
  return chartSvg(id, `Accuracy against latency, ${describeCall(call)}`, description, size, {
    grid: GRID,
    xAxis: axis(`latency of a call, ms${logarithmic ? ' (log scale)' : ''}`, {
      type: logarithmic ? 'log' : 'value',
      min: left,
      max: right,
      nameGap: 28,
    }),
    yAxis: axis('accuracy, %', {
      min: bottom,
      max: top,
      nameGap: 34,
    }),
    series: [
      {
        type: 'line',
        silent: true,
        symbol: 'none',
        lineStyle: { color: FAINT, width: 1, opacity: 0.7 },
        data: bars(
          points.flatMap(({ p50, p95, accuracy, low, high }) => [
            [
              [p50, low],
              [p50, high],
            ],
            [
              [p50, accuracy],
              [p95, accuracy],
            ],
          ]),
        ),
      },
      {
        type: 'line',
        silent: true,
        symbol: 'none',
        step: 'end',
        lineStyle: { color: INK, width: 1.5 },
        data: front.map(({ p50, accuracy }) => [p50, accuracy]),
      },
      ...(Object.keys(KIND_MARKS) as ModelKind[]).map((kind) => ({
        type: 'scatter',
        silent: true,
        symbol: KIND_MARKS[kind].symbol,
        symbolSize: 10,
        itemStyle: { color: KIND_MARKS[kind].colour, borderColor: PAPER, borderWidth: 1, opacity: 1 },
        data: points.flatMap((point, i) => (point.kind === kind ? [labelled(point, places[i]!)] : [])),
      })),
      {
        type: 'line',
        silent: true,
        symbol: 'none',
        data: [],
        markLine: {
          silent: true,
          symbol: 'none',
          lineStyle: { color: SECOND, type: 'dashed', width: 1.5 },
          label: { formatter: 'majority', position: 'insideStartTop', color: INK, fontSize: 11 },
          precision: 6,
          data: [{ yAxis: majority }],
        },
      },
    ],
  })
}

function labelled({ p50, accuracy, rank }: Point, { side, down }: LabelPlace) {
  return {
    value: [p50, accuracy],
    label: {
      show: true,
      position: side,
      distance: 3,
      offset: [0, down],
      formatter: String(rank),
      color: INK,
      fontSize: 11,
      textBorderColor: PAPER,
      textBorderWidth: 3,
    },
  }
}

function pointsOf({ models }: StudyResults, call: Call, ranks: ReadonlyMap<string, number>): Point[] {
  return models.flatMap((model) => {
    const latency = latencyOf(model, call)
    if (!latency) return []
    const { value, low, high } = model.quality.accuracy
    const { name, kind } = model
    const shares = { accuracy: 100 * value, low: 100 * low, high: 100 * high }
    return [{ name, kind, rank: ranks.get(name) ?? 0, p50: latency.p50Ms, p95: latency.p95Ms, ...shares }]
  })
}

/** The nearest round latency beyond: 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten. */
function decade(ms: number, side: 'below' | 'above'): number {
  const power = 10 ** Math.floor(Math.log10(ms))
  const steps = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power)
  return side === 'below' ? steps.filter((step) => step <= ms).at(-1)! : steps.find((step) => step >= ms)!
}
