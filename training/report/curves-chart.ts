import type { Curve, ModelResult, StudyResults } from '../study/results.js'
import { axis, type ChartSize, chartSvg, FIRST, INK, SECOND } from './chart-svg.js'
import type { Html } from './html.js'

/** One epoch over all trainings that reached it. */
export interface EpochBand {
  readonly epoch: number
  readonly mean: number
  readonly low: number
  readonly high: number
  readonly trainings: number
}

/** Mean, lowest and highest of a measure at each epoch, over seeds and folds. */
export function epochBands(curves: readonly Curve[], measure: 'trainLoss' | 'validationNll'): EpochBand[] {
  const byEpoch = new Map<number, number[]>()
  for (const { epochs } of curves) {
    for (const record of epochs) byEpoch.set(record.epoch, [...(byEpoch.get(record.epoch) ?? []), record[measure]])
  }
  return [...byEpoch]
    .sort(([a], [b]) => a - b)
    .map(([epoch, values]) => ({
      epoch,
      mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      low: Math.min(...values),
      high: Math.max(...values),
      trainings: values.length,
    }))
}

/** Two panels over epochs: validation NLL with the majority baseline, and the training loss, which has a scale of its own. */
export function curvesChart(id: string, model: ModelResult, { majority }: StudyResults, size: ChartSize): Html {
  const validation = epochBands(model.curves, 'validationNll')
  const training = epochBands(model.curves, 'trainLoss')
  const least = validation.reduce<EpochBand | undefined>(
    (best, band) => (best && best.mean <= band.mean ? best : band),
    undefined,
  )
  const description = least
    ? `${model.curves.length} trainings. Mean validation NLL is lowest after epoch ${least.epoch}: ${least.mean.toFixed(3)} nats, from ${least.low.toFixed(3)} to ${least.high.toFixed(3)}; the majority baseline has ${majority.nll.toFixed(3)}.`
    : 'No epoch was recorded.'
  const epochs = (gridIndex: number, shown: boolean) =>
    axis(shown ? 'epoch' : '', {
      gridIndex,
      min: 1,
      max: Math.max(2, training.at(-1)?.epoch ?? 2),
      minInterval: 1,
      nameGap: 22,
      splitLine: { show: false },
      ...(!shown && { axisLabel: { show: false } }),
    })
  const measured = (name: string, gridIndex: number) =>
    axis(name, { gridIndex, scale: true, nameGap: 36, splitNumber: 3, axisLine: { show: false } })
  return chartSvg(id, `Training curves of ${model.name}`, description, size, {
    grid: [
      { left: 52, right: 12, top: 12, height: 0.42 * size.height },
      { left: 52, right: 12, bottom: 40, height: 0.3 * size.height },
    ],
    xAxis: [epochs(0, false), epochs(1, true)],
    yAxis: [measured('validation NLL, nats', 0), measured('training loss', 1)],
    series: [
      ...bandSeries(validation, 0, FIRST, majority.nll),
      // not drawn: stretches the axis to the majority line
      { type: 'line', silent: true, symbol: 'none', lineStyle: { opacity: 0 }, data: [[1, majority.nll]] },
      ...bandSeries(training, 1, INK),
    ],
  })
}

function bandSeries(bands: readonly EpochBand[], panel: number, colour: string, majorityNll?: number) {
  const common = { type: 'line', silent: true, xAxisIndex: panel, yAxisIndex: panel }
  const unseen = { symbol: 'none', lineStyle: { opacity: 0 }, stack: `band ${panel}`, stackStrategy: 'all' }
  const majority = {
    markLine: {
      silent: true,
      symbol: 'none',
      lineStyle: { color: SECOND, type: 'dashed', width: 1.5 },
      label: { formatter: 'majority', position: 'insideEndTop', color: INK, fontSize: 11 },
      precision: 6,
      data: [{ yAxis: majorityNll }],
    },
  }
  return [
    { ...common, ...unseen, data: bands.map(({ epoch, low }) => [epoch, low]) },
    {
      ...common,
      ...unseen,
      areaStyle: { color: colour, opacity: 0.2 },
      data: bands.map(({ epoch, low, high }) => [epoch, high - low]),
    },
    {
      ...common,
      symbol: 'circle',
      symbolSize: 4,
      lineStyle: { color: colour, width: 1.8 },
      itemStyle: { color: colour },
      data: bands.map(({ epoch, mean }) => [epoch, mean]),
      ...(majorityNll !== undefined && majority),
    },
  ]
}
