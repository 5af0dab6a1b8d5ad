import type { FamilyManifest } from '../../../src/family/family-schema.js'
import type {
  Classifier,
  ClassifyRequest,
  ClassifyResult,
  FamilyStatus,
  Readiness,
} from '../../../src/serving/types.js'

export const VERSION = `sha256:${'ab'.repeat(32)}`

export function resultFor(request: ClassifyRequest): ClassifyResult {
  return {
    family: request.family ?? 'outcome',
    version: VERSION,
    tier: request.tier === 'auto' ? 'balanced' : request.tier,
    provider: 'cpu',
    predictions: request.texts.map((text) => ({
      label: 'wins',
      probability: 0.71,
      probabilities: { loses: 0.29, wins: 0.71 },
      tokens: text.length,
      tokensUsed: text.length,
      windows: 1,
      truncated: false,
      abstained: (request.abstainBelow ?? 0) > 0.71,
    })),
    routing: {
      requestedTier: request.tier,
      ...(request.budgetMs !== undefined && { budgetMs: request.budgetMs, budgetMet: true }),
      predictedMs: 11.23456,
      actualMs: 9.8,
      reason: request.tier === 'auto' ? 'most_accurate_within_budget' : 'requested',
      considered: [
        { tier: 'teacher', predictedMs: 48.3 },
        { tier: 'balanced', predictedMs: 11.23456 },
      ],
    },
    stages: { tokenizeMs: 0.5, queueMs: 1.25, inferenceMs: 8 },
  }
}

/** A classifier whose answers the test decides; it keeps what it was asked. */
export class FakeClassifier implements Classifier {
  readonly asked: ClassifyRequest[] = []
  answer: (request: ClassifyRequest) => Promise<ClassifyResult> = async (request) => resultFor(request)
  ready: Readiness = { ready: true, draining: false, reasons: [] }

  classify(request: ClassifyRequest): Promise<ClassifyResult> {
    this.asked.push(request)
    return this.answer(request)
  }

  families(): readonly FamilyStatus[] {
    return [
      {
        family: 'outcome',
        version: VERSION,
        ready: true,
        reasons: [],
        tiers: [
          {
            tier: 'teacher',
            ready: true,
            provider: 'cpu',
            variant: 'fused_int8',
            latencyProfile: [{ tokens: 128, predictedMs: 40 }],
          },
          {
            tier: 'fast',
            ready: true,
            provider: 'cpu',
            variant: 'portable',
            latencyProfile: [{ tokens: 128, predictedMs: 4 }],
          },
        ],
      },
    ]
  }

  readiness(): Readiness {
    return this.ready
  }

  drain(): Promise<void> {
    return Promise.resolve()
  }
}

const estimate = (value: number) => ({ value, low: value - 0.05, high: value + 0.05 })
const quality = {
  split: 'test',
  examples: 300,
  accuracy: estimate(0.66),
  macroF1: estimate(0.5),
  auc: estimate(0.6),
  nll: estimate(0.62),
  brier: estimate(0.4),
  ece: estimate(0.06),
  eceEqualMass: estimate(0.06),
}
const file = { sha256: '0'.repeat(64), bytes: 1 }

function tierManifest(tier: 'teacher' | 'fast'): FamilyManifest['tiers'][number] {
  return {
    tier,
    architecture: 'minilm',
    config: {
      vocabSize: 100,
      hiddenSize: 32,
      layers: 2,
      heads: 2,
      intermediateSize: 64,
      maxPositions: 64,
      typeVocabSize: 2,
      layerNormEpsilon: 1e-12,
      padTokenId: 0,
      activation: 'gelu',
      pooling: 'cls',
      pooler: 'tanh',
      labels: 2,
    },
    parameters: 12_345,
    precision: 'fp16',
    files: { 'model.onnx': file, 'weights.bin': file },
    calibration: {
      method: 'temperature',
      temperature: 1.2,
      fittedOn: 'validation',
      nllBefore: 0.7,
      nllAfter: 0.65,
      eceBefore: 0.1,
      eceAfter: 0.05,
    },
    quality,
    ...(tier === 'fast' && { teacherAgreement: estimate(0.9), teacherDivergence: estimate(0.1) }),
    parity: { texts: 8, maxLogitDifference: 1e-4, tolerance: 1e-2, labelAgreement: 1 },
    training: { method: 'vanilla', initialisation: 'random', epochs: 1, steps: 10, seed: 1 },
  }
}

export const MANIFEST: FamilyManifest = {
  formatVersion: 1,
  name: 'outcome',
  description: 'who wins',
  labels: ['loses', 'wins'],
  tokenizer: { file: 'tokenizer.json', ...file },
  maxTokens: 64,
  windowOverlap: 16,
  tiers: [tierManifest('teacher'), tierManifest('fast')],
  majority: {
    label: 'wins',
    accuracy: 0.65,
    macroF1: 0.39,
    auc: 0.5,
    nll: 0.65,
    brier: 0.45,
    ece: 0.01,
    eceEqualMass: 0.01,
  },
  data: {
    sha256: '1'.repeat(64),
    description: 'cases',
    textColumn: 'facts',
    labelColumn: 'winner',
    rows: 1000,
    skipped: 3,
    split: { method: 'stratified', seed: 7, train: 800, validation: 100, test: 97 },
    labelCounts: { loses: 350, wins: 647 },
    warnings: ['few cases'],
  },
  config: {},
  versions: {},
  createdAt: '2026-01-01T00:00:00Z',
}
