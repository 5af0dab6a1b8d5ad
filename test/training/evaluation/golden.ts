import { readFileSync } from 'node:fs'
import type { QualityMetricName } from '../../../training/evaluation/quality.js'

type Metrics = Record<QualityMetricName, number>

interface Golden {
  cases: {
    name: string
    labels: number[]
    logits: number[][]
    teacherLogits: number[][]
    quality: Metrics
    temperature: { value: number; nll: number }
    agreement: number
    divergence: number
    trainLabels: number[]
    majority: Metrics
  }[]
  quantiles: { sample: number[]; values: Record<string, number> }
}

/** Values by scikit-learn, SciPy and NumPy; fixtures/make.py wrote them. */
export const golden: Golden = JSON.parse(readFileSync(new URL('./fixtures/golden.json', import.meta.url), 'utf8'))
