/**
 * What a tier is worth, measured on the files that will be served (quantised weights, windows for long texts), not on the
 * parameters that they were made from.
 */
import { join } from 'node:path'
import type { Calibration, Estimate, Quality } from '../../src/family/family-schema.js'
import { openEncoder } from '../../src/onnx/encoder-session.js'
import type { ParityReference } from '../../src/onnx/parity.js'
import { MODEL_FILE } from '../../src/onnx/portable-model.js'
import type { Precision } from '../../src/onnx/stored-weights.js'
import type { TextTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { measureQuality } from '../evaluation/quality.js'
import { softmaxRows } from '../evaluation/softmax.js'
import { compareWithTeacher } from '../evaluation/teacher-comparison.js'
import { fitTemperature } from '../evaluation/temperature.js'
import { writeTierFiles } from '../export/export-family.js'
import type { StartingPoint } from './base-model.js'
import type { OnEvent } from './events.js'
import { meanNll } from './mean-nll.js'
import { predictTexts } from './predict-texts.js'
import type { TokenSet } from './token-set.js'

export interface TierMeasurement {
  readonly precision: Precision
  readonly calibration: Calibration
  readonly quality: Quality
  readonly parity: ParityReference
  /** calibrated, on the test split */
  readonly testProbabilities: readonly ArrayLike<number>[]
  readonly teacherAgreement?: Estimate
  readonly teacherDivergence?: Estimate
}

export interface MeasureOptions {
  readonly stage: string
  /** written to, and left there */
  readonly folder: string
  readonly model: Pick<StartingPoint, 'config' | 'parameters'>
  readonly precision: Precision
  readonly tokenizer: TextTokenizer
  readonly maxTokens: number
  readonly windowOverlap: number
  readonly validation: TokenSet
  readonly test: TokenSet
  /** of the trained parameters, on the sequences of `validation` */
  readonly validationLogits: readonly Float32Array[]
  /** students: the teacher's calibrated probabilities on the test split */
  readonly teacherProbabilities?: readonly ArrayLike<number>[] | undefined
  readonly bootstrapResamples: number
  readonly onEvent: OnEvent
}

/** int8 weights are kept only where they cost no more than this on the validation split. */
const INT8_MAX_NLL_LOSS = 0.01
const INT8_MAX_ACCURACY_LOSS = 0.01
const PARITY_TEXTS = 64

export async function measureTier(options: MeasureOptions): Promise<TierMeasurement> {
  const { precision, onEvent, stage } = options
  const answers = await exportedLogits(options, precision)
  if (precision === 'fp16') return measured(options, precision, answers)
  const trained = meanNll(options.validationLogits, options.validation.labels)
  const exported = meanNll(answers.validation, options.validation.labels)
  const holds =
    exported.nll - trained.nll <= INT8_MAX_NLL_LOSS && trained.accuracy - exported.accuracy <= INT8_MAX_ACCURACY_LOSS
  const figures = `validation NLL ${trained.nll.toFixed(4)} → ${exported.nll.toFixed(4)}, accuracy ${trained.accuracy.toFixed(4)} → ${exported.accuracy.toFixed(4)}`
  if (holds) {
    onEvent({ type: 'message', message: `${stage}: int8 weights hold (${figures})` })
    return measured(options, precision, answers)
  }
  onEvent({ type: 'warning', message: `${stage}: int8 weights cost too much (${figures}); fp16 is written instead` })
  return measured(options, 'fp16', await exportedLogits(options, 'fp16'))
}

interface ExportedLogits {
  readonly validation: readonly Float32Array[]
  readonly test: readonly Float32Array[]
}

async function exportedLogits(options: MeasureOptions, precision: Precision): Promise<ExportedLogits> {
  const { folder, model, tokenizer } = options
  await writeTierFiles(folder, model.config, model.parameters, precision)
  const session = await openEncoder(join(folder, MODEL_FILE), model.config, { provider: 'cpu' })
  try {
    const logits = async (texts: readonly string[]) =>
      (await predictTexts(session, tokenizer, texts, options)).map((answer) => answer.logits)
    return { validation: await logits(options.validation.texts), test: await logits(options.test.texts) }
  } finally {
    await session.release()
  }
}

function measured(
  options: MeasureOptions,
  precision: Precision,
  { validation, test }: ExportedLogits,
): TierMeasurement {
  const bootstrap = { resamples: options.bootstrapResamples }
  const calibration = fitTemperature(validation, options.validation.labels)
  const probabilities = softmaxRows(test, calibration.temperature)
  const quality = measureQuality({ probabilities, labels: options.test.labels, split: 'test', bootstrap })
  const teacher = options.teacherProbabilities
  const comparison = teacher && compareWithTeacher({ teacher, student: probabilities, bootstrap })
  return {
    precision,
    calibration,
    quality,
    parity: {
      sequences: options.validation.sequences.slice(0, PARITY_TEXTS).map((inputIds) => ({ inputIds })),
      logits: options.validationLogits.slice(0, PARITY_TEXTS),
    },
    testProbabilities: probabilities,
    ...(comparison && { teacherAgreement: comparison.agreement, teacherDivergence: comparison.divergence }),
  }
}
