import type { ModelResult } from '../study/results.js'
import { axis, type ChartSize, chartSvg, FAINT, FIRST, PAPER, SECOND } from './chart-svg.js'
import { percent } from './figures.js'
import type { Html } from './html.js'

type Bins = ModelResult['reliability']['before']

/** Accuracy against confidence in bins, before and after temperature scaling; a point's area goes with its examples. */
export function reliabilityChart(id: string, model: ModelResult, size: ChartSize): Html {
  const { reliability, uncalibrated, quality } = model
  const description = `Expected calibration error ${percent(uncalibrated.ece.value)} before and ${percent(quality.ece.value)} after temperature scaling.`
  const confidences = [...reliability.before, ...reliability.after].map(({ meanConfidence }) => meanConfidence)
  const start = Math.floor(10 * Math.min(1, ...confidences)) * 10
  return chartSvg(id, `Reliability of ${model.name}`, description, size, {
    grid: { left: 52, right: 14, top: 12, bottom: 44 },
    xAxis: axis('confidence, %', { min: start, max: 100, nameGap: 26 }),
    yAxis: axis('accuracy, %', { min: 0, max: 100, nameGap: 36 }),
    series: [
      {
        type: 'line',
        silent: true,
        symbol: 'none',
        lineStyle: { color: FAINT, type: 'dashed', width: 1.2 },
        data: [
          [start, start],
          [100, 100],
        ],
      },
      binSeries(reliability.before, SECOND, 'emptyRect', 'dotted'),
      binSeries(reliability.after, FIRST, 'circle', 'solid'),
    ],
  })
}

function binSeries(bins: Bins, colour: string, symbol: string, type: string) {
  const examples = bins.reduce((sum, bin) => sum + bin.examples, 0)
  return {
    type: 'line',
    silent: true,
    symbol,
    // a bin of few cases may lie anywhere: points carry the weight, lines only lead the eye
    lineStyle: { color: colour, width: 1, opacity: 0.4, type },
    itemStyle: symbol === 'circle' ? { color: colour, borderColor: PAPER } : { color: colour },
    data: bins.map((bin) => ({
      value: [100 * bin.meanConfidence, 100 * bin.accuracy],
      symbolSize: 4 + 14 * Math.sqrt(bin.examples / examples),
    })),
  }
}
