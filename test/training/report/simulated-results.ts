/**
 * A study that never ran: predictions drawn from a seeded generator, put through the real statistics. For looking at the
 * page and for tests of it; its figures mean nothing.
 */
import { compareModels } from '../../../training/evaluation/compare-models.js'
import { paretoFront } from '../../../training/evaluation/pareto.js'
import { majorityBaseline } from '../../../training/evaluation/quality.js'
import {
  pooledQuality,
  pooledReliability,
  pooledTeacherComparison,
  type SeedProbabilities,
  seedFigures,
} from '../../../training/evaluation/seed-means.js'
import { createRandom, type Random } from '../../../training/random.js'
import type { AttributionExample, ModelKind, ModelResult, StudyResults } from '../../../training/study/results.js'

interface Shape {
  readonly name: string
  readonly architecture: string
  readonly layers: number
  readonly hiddenSize: number
  readonly parameters: number
  readonly ms: number
  /** how far the model's logits lean towards the truth */
  readonly skill: number
}

const TEACHER: Shape = {
  name: 'bert-base',
  architecture: 'bert-base',
  layers: 12,
  hiddenSize: 768,
  parameters: 109_483_778,
  ms: 94,
  skill: 1.5,
}
const SHAPES: readonly Shape[] = [
  {
    name: 'distilbert',
    architecture: 'distilbert',
    layers: 6,
    hiddenSize: 768,
    parameters: 66_955_010,
    ms: 48,
    skill: 1.4,
  },
  { name: 'minilm', architecture: 'minilm', layers: 12, hiddenSize: 384, parameters: 33_360_770, ms: 33, skill: 1.35 },
  {
    name: 'tinybert',
    architecture: 'tinybert',
    layers: 4,
    hiddenSize: 312,
    parameters: 14_350_874,
    ms: 7.4,
    skill: 1.1,
  },
  {
    name: 'custom-2x384',
    architecture: 'custom-2x384',
    layers: 2,
    hiddenSize: 384,
    parameters: 15_467_906,
    ms: 5.2,
    skill: 0.8,
  },
]
const METHODS: readonly { name: string; kind: ModelKind; gain: number }[] = [
  { name: 'control', kind: 'control', gain: 0 },
  { name: 'vanilla', kind: 'student', gain: 0.15 },
  { name: 'feature', kind: 'student', gain: 0.3 },
  { name: 'relations', kind: 'student', gain: 0.2 },
]

export interface Simulation {
  readonly cases?: number
  readonly seeds?: readonly number[]
  /** multiplies every model's skill: 0 gives models that know nothing */
  readonly skill?: number
  readonly resamples?: number
  readonly shapes?: number
}

const LABELS = ['first party loses', 'first party wins']

export function simulatedResults({
  cases = 600,
  seeds = [1, 2, 3],
  skill = 1,
  resamples = 200,
  shapes = SHAPES.length,
}: Simulation = {}): StudyResults {
  const random = createRandom(42)
  const truth = Array.from({ length: cases }, () => (random.next() < 0.647 ? 1 : 0))
  const hardness = truth.map(() => random.normal(1.6))
  const bootstrap = { resamples }
  const raw = new Map<string, SeedProbabilities>()
  const calibrated = new Map<string, SeedProbabilities>()
  const draw = (name: string, strength: number) => {
    const logits = seeds.map((seed) => drawLogits(random.fork(`${name} ${seed}`), truth, hardness, strength * skill))
    raw.set(
      name,
      logits.map((rows) => rows.map((logit) => probabilitiesOf(2.9 * logit))),
    )
    calibrated.set(
      name,
      logits.map((rows) => rows.map((logit) => probabilitiesOf(1.7 * logit))),
    )
  }
  const measure = (shape: Shape, name: string, kind: ModelKind, method: string): ModelResult => {
    const isTeacher = kind === 'teacher'
    const predictions = calibrated.get(name)!
    const learnt = kind === 'student' || kind === 'chain'
    const against = pooledTeacherComparison({
      teachers: calibrated.get(TEACHER.name)!,
      students: predictions,
      bootstrap,
    })
    return {
      name,
      kind,
      architecture: shape.architecture,
      layers: shape.layers,
      hiddenSize: shape.hiddenSize,
      parameters: shape.parameters,
      compression: TEACHER.parameters / shape.parameters,
      start: isTeacher || shape.hiddenSize === 768 ? 'bert-base-uncased' : 'random',
      method,
      ...(learnt && { teacher: TEACHER.name, control: `${shape.name} control` }),
      seeds: seeds.map((seed, i) => ({ seed, figures: seedFigures(predictions[i]!, truth) })),
      quality: pooledQuality({ seeds: predictions, labels: truth, split: 'out-of-fold', bootstrap }),
      uncalibrated: pooledQuality({ seeds: raw.get(name)!, labels: truth, split: 'out-of-fold', bootstrap }),
      temperatures: seeds.map((seed) => ({ seed, fold: 0, temperature: 1.6 + random.next() / 5 })),
      reliability: {
        before: pooledReliability(raw.get(name)!, truth),
        after: pooledReliability(predictions, truth),
      },
      ...(!isTeacher && { agreement: against.agreement, klFromTeacher: against.divergence }),
      ...(learnt && { attributionSimilarity: { value: 0.79, low: 0.76, high: 0.82 } }),
      curves: seeds.map((seed) => curve(random.fork(`curve ${name} ${seed}`), seed, shape.skill * skill)),
      trainingSeconds: shape.ms * 14,
      sequencesPerSecond: 60_000 / shape.ms,
      latency: ['cpu', 'cuda'].map((provider) => {
        const p50Ms = (provider === 'cpu' ? shape.ms : 1 + shape.ms / 25) * (1 + random.next() / 50)
        return { provider, batch: 1, tokens: 256, p50Ms, p95Ms: p50Ms * 1.2 }
      }),
      warnings: [],
    }
  }

  draw(TEACHER.name, TEACHER.skill)
  const models = [measure(TEACHER, TEACHER.name, 'teacher', 'fine-tuning')]
  for (const shape of SHAPES.slice(0, shapes)) {
    for (const method of METHODS) {
      const name = `${shape.name} ${method.name}`
      draw(name, shape.skill + method.gain)
      models.push(measure(shape, name, method.kind, method.kind === 'control' ? 'fine-tuning' : method.name))
    }
  }
  const last = SHAPES[shapes - 1]!
  const chain = `${last.name} chain`
  draw(chain, last.skill + 0.35)
  models.push(measure(last, chain, 'chain', 'vanilla'))

  const pairs = models.flatMap(({ name, control }) => (control ? [[name, control] as const] : []))
  const counts = [0, 1].map((label) => truth.filter((found) => found === label).length)
  return {
    formatVersion: 1,
    name: 'simulated-study',
    description: 'Simulated: no model was trained, the figures mean nothing.',
    createdAt: '2026-01-15T09:30:00.000Z',
    labels: LABELS,
    data: {
      sha256: '0'.repeat(64),
      description: 'Invented cases.',
      licence: 'none needed',
      textColumn: 'facts',
      labelColumn: 'first_party_winner',
      rows: cases,
      skipped: 12,
      labelCounts: { [LABELS[0]!]: counts[0]!, [LABELS[1]!]: counts[1]! },
      leaks: ['column "disposition" alone predicts the label (accuracy 0.97 against 0.65): not used'],
      nearDuplicates: { groups: 4, acrossSides: 0, conflicts: 1 },
      split: {
        method: 'stratified',
        seed: 1,
        folds: 5,
        train: cases * 0.68,
        validation: cases * 0.12,
        test: cases * 0.2,
        tested: cases,
      },
      warnings: [],
    },
    config: {
      name: 'simulated-study',
      folds: { count: 5, seed: 1 },
      seeds: [...seeds],
      teacher: { base: 'bert-base-uncased', learning_rate: 2e-5, epochs: 6 },
      students: SHAPES.slice(0, shapes).map(({ name }) => ({ name, architecture: { name } })),
      methods: METHODS.map(({ name }) => name),
    },
    environment: {
      versions: { lextier: '0.1.0', node: '22.0.0', onnxruntime: '1.29.0', tfjs: '4.22.0' },
      devices: ['simulated: no device trained anything'],
    },
    majority: majorityBaseline(truth, truth, LABELS),
    models,
    comparisons: compareModels({ models: calibrated, pairs, labels: truth, bootstrap }),
    pareto: ['cpu', 'cuda'].map((provider) => ({
      provider,
      batch: 1,
      tokens: 256,
      front: paretoFront(
        models.map(({ name, quality, latency }) => ({
          name,
          quality: quality.accuracy.value,
          latencyMs: latency.find((row) => row.provider === provider)!.p50Ms,
        })),
      ).map(({ name }) => name),
    })),
    attributions: attributionExamples(random.fork('attributions'), [TEACHER.name, `${last.name} vanilla`, chain]),
    sweeps: [
      {
        description: 'grid over 3 values, by validation NLL',
        trials: [2, 4, 6].map((temperature) => ({
          parameters: { 'methods.vanilla.soft.temperature': temperature },
          validationNll: 0.6 + Math.abs(temperature - 4) / 100,
          chosen: temperature === 4,
        })),
      },
    ],
    warnings: [],
    failures: [],
    timings: models.map(({ name, trainingSeconds }) => ({ stage: name, seconds: trainingSeconds })),
  }
}

function drawLogits(random: Random, truth: readonly number[], hardness: readonly number[], strength: number): number[] {
  return truth.map((label, i) => {
    const lean = (label === 1 ? 1 : -1) * strength * 0.55
    return 0.6 + lean + (hardness[i]! * strength) / 3 + random.normal(0.35)
  })
}

function probabilitiesOf(logit: number): number[] {
  const p = 1 / (1 + Math.exp(-logit))
  return [1 - p, p]
}

function curve(random: Random, seed: number, skill: number) {
  const count = 5 + random.integer(3)
  const epochs = Array.from({ length: count }, (_, i) => ({
    epoch: i + 1,
    trainLoss: 0.72 * Math.exp(-0.28 * i) + random.next() / 40,
    validationNll:
      0.655 - 0.05 * skill * (1 - Math.exp(-0.9 * i)) + 0.008 * Math.max(0, i - 2) ** 2 + random.next() / 60,
    validationAccuracy: 0.65 + 0.02 * i + random.next() / 50,
  }))
  const best = epochs.reduce((least, epoch) => (epoch.validationNll < least.validationNll ? epoch : least))
  return { seed, fold: 0, bestEpoch: best.epoch, epochs }
}

const TEXTS = [
  'The petitioner was stopped by two officers after a traffic violation. Without a warrant, they searched the trunk of his car and found a rifle. The district court denied his motion to suppress the evidence; the court of appeals affirmed, holding that the officers had probable cause.',
  'A railroad sued the state for a refund of taxes on imported goods. The state supreme court held that the tax did not burden commerce between the states. Congress had passed a statute on the matter in the preceding year, but neither party mentioned it.',
]

function attributionExamples(random: Random, models: readonly string[]): AttributionExample[] {
  return TEXTS.map((text, number) => {
    const offsets = [...text.matchAll(/\w+|[^\w\s]/g)].map(({ index, 0: token }): [number, number] => [
      index,
      index + token.length,
    ])
    const shared = offsets.map(() => random.normal() ** 3)
    return {
      exampleId: `case-${number + 1}`,
      text,
      label: LABELS[number % 2]!,
      target: LABELS[1]!,
      offsets,
      models: models.map((name) => {
        const scores = shared.map((score) => score + random.normal(0.6))
        const norm = Math.hypot(...scores)
        return {
          name,
          probability: 0.5 + random.next() / 2,
          attributions: scores.map((score) => score / norm),
          delta: (random.next() - 0.5) / 100,
        }
      }),
    }
  })
}
