/** A complete family of random weights, small enough to export in a blink, for tests of everything that loads or serves one. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { Estimate, TierName } from '../../src/family/family-schema.js'
import type { Family } from '../../src/family/load-family.js'
import type { Precision } from '../../src/onnx/stored-weights.js'
import { exportFamily, type FamilyExport, type TierExport } from '../../training/export/export-family.js'
import { randomParameters } from './random-parameters.js'
import { referenceLogits } from './reference-encoder.js'
import { tinyTokenizer } from './tiny-tokenizer.js'

export interface TinyFamilyOptions {
  /** default: tiny */
  readonly name?: string
  /** default: loses, wins */
  readonly labels?: readonly string[]
  readonly seed?: number
  /** default: teacher, balanced, fast */
  readonly tiers?: readonly TierName[]
  readonly maxTokens?: number
  readonly windowOverlap?: number
  readonly precision?: Precision
  readonly temperature?: number
  /** a `tokenizer.json` with as many tokens as the default, the tiny one */
  readonly tokenizer?: string
}

const SIZES: Record<TierName, { layers: number; hiddenSize: number }> = {
  teacher: { layers: 2, hiddenSize: 32 },
  balanced: { layers: 1, hiddenSize: 32 },
  fast: { layers: 1, hiddenSize: 16 },
}

/** Writes the family into `dir` itself (`dir/family.json`). @returns it, loaded */
export async function writeTinyFamily(dir: string, options: TinyFamilyOptions = {}): Promise<Family> {
  const scratch = await mkdtemp(join(tmpdir(), 'tiny-tokenizer-'))
  try {
    const tokenizerFile = join(scratch, 'tokenizer.json')
    await writeFile(tokenizerFile, options.tokenizer ?? tinyTokenizer().json)
    return await exportFamily(dir, tinyFamilyExport(tokenizerFile, options))
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** @returns what `exportFamily` takes; the tokenizer file must hold the tiny tokenizer */
export function tinyFamilyExport(tokenizerFile: string, options: TinyFamilyOptions = {}): FamilyExport {
  const { name = 'tiny', labels = ['loses', 'wins'], seed = 1, tiers = ['teacher', 'balanced', 'fast'] } = options
  const { maxTokens = 64, windowOverlap = 16, precision = 'fp16', temperature = 1.5 } = options
  const { vocabSize } = tinyTokenizer()
  const base = {
    vocabSize,
    heads: 4,
    maxPositions: maxTokens,
    typeVocabSize: 2,
    layerNormEpsilon: 1e-12,
    padTokenId: 0,
  }
  return {
    name,
    description: 'Random weights, for tests: its answers mean nothing.',
    labels: [...labels],
    tokenizerFile,
    maxTokens,
    windowOverlap,
    tiers: tiers.map((tier, i) => {
      const config: EncoderConfig = {
        ...base,
        ...SIZES[tier],
        intermediateSize: 2 * SIZES[tier].hiddenSize,
        activation: 'gelu',
        pooling: 'cls',
        pooler: 'tanh',
        labels: labels.length,
      }
      return tinyTier(tier, config, seed + i, precision, temperature)
    }),
    majority: {
      label: labels[0]!,
      accuracy: 0.6,
      macroF1: 0.4,
      auc: 0.5,
      nll: 0.67,
      brier: 0.48,
      ece: 0,
      eceEqualMass: 0,
    },
    data: {
      sha256: '0'.repeat(64),
      description: 'No data: the weights are random.',
      licence: 'none needed',
      textColumn: 'text',
      labelColumn: 'label',
      rows: 100,
      skipped: 0,
      split: { method: 'stratified', seed, train: 70, validation: 15, test: 15 },
      labelCounts: Object.fromEntries(labels.map((label) => [label, Math.floor(100 / labels.length)])),
      warnings: [],
    },
    config: { seed },
    versions: { lextier: '0.1.0' },
  }
}

function tinyTier(
  tier: TierName,
  config: EncoderConfig,
  seed: number,
  precision: Precision,
  temperature: number,
): TierExport {
  const parameters = randomParameters(config, seed)
  const inputIds = [2, 10, 20, 30, 40, 3]
  const around = (value: number): Estimate => ({ value, low: value - 0.1, high: value + 0.1 })
  return {
    tier,
    architecture: `tiny-${config.layers}x${config.hiddenSize}`,
    config,
    parameters,
    precision,
    calibration: {
      method: 'temperature',
      temperature,
      fittedOn: 'validation',
      nllBefore: 0.7,
      nllAfter: 0.68,
      eceBefore: 0.1,
      eceAfter: 0.05,
    },
    quality: {
      split: 'test',
      examples: 15,
      accuracy: around(0.6),
      macroF1: around(0.5),
      auc: around(0.55),
      nll: around(0.68),
      brier: around(0.5),
      ece: around(0.1),
      eceEqualMass: around(0.1),
    },
    ...(tier === 'teacher' ? {} : { teacherAgreement: around(0.8), teacherDivergence: around(0.2) }),
    parity: {
      sequences: [{ inputIds }],
      logits: [referenceLogits(config, parameters, inputIds)],
    },
    training: { method: 'none', initialisation: 'random', epochs: 0, steps: 0, seed },
  }
}
