/** Integrated Gradients of many texts on a training engine. */
import { ShapeMismatch } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { paddedLengthOf } from '../data/length-buckets.js'
import { padBatch } from '../data/pad-batch.js'
import type { Engine, Evaluator } from '../engine/types.js'
import { makeIntegratedGradients } from './integrated-gradients.js'
import { chunkSize, DEFAULT_STEPS, type IntegrationPath, integrationPath } from './integration-path.js'

/** What each token of one text did to the logit of a label. */
export interface Attribution {
  /** one a token of the sequence, in logits; [CLS] and [SEP] are 0, since the baseline has them too */
  readonly tokens: Float64Array
  /** the label whose logit is explained */
  readonly target: number
  /** that logit */
  readonly score: number
  /** that logit of the baseline */
  readonly baselineScore: number
  /** convergence delta: Σ tokens − (score − baselineScore); 0 for an exact integral */
  readonly delta: number
}

export interface AttributeOptions {
  /** points of the quadrature; 50 by default */
  readonly steps?: number
  /** padded tokens a run, all points of the path counted; default: 2,048 on the CPU, 8,192 on a GPU */
  readonly tokensPerRun?: number
  /** texts are padded to a multiple of this many tokens; each length is one compiled program; 32 by default */
  readonly bucketWidth?: number
  /** texts done so far */
  readonly onProgress?: (done: number) => void
}

const TOKENS_PER_RUN = { host: 2048, gpu: 8192 }
const BUCKET_WIDTH = 32

/**
 * @param sequences token ids, [CLS] … [SEP]
 * @param targets the label to explain, one a sequence
 * @returns one a sequence, in order
 * @throws ShapeMismatch when the targets do not fit, or a sequence is longer than the model takes
 */
export async function attributeSequences(
  engine: Engine,
  model: { readonly config: EncoderConfig; readonly parameters: HostTensors },
  sequences: readonly ArrayLike<number>[],
  targets: readonly number[],
  options: AttributeOptions = {},
): Promise<Attribution[]> {
  const { config, parameters } = model
  checkTargets(sequences, targets, config)
  const path = integrationPath(options.steps ?? DEFAULT_STEPS)
  const onHost = engine.device === 'cpu' || engine.device.startsWith('tfjs:')
  const tokensPerRun = options.tokensPerRun ?? (onHost ? TOKENS_PER_RUN.host : TOKENS_PER_RUN.gpu)
  const evaluator = await engine.evaluator(makeIntegratedGradients(config), parameters)
  const attributions = new Array<Attribution>(sequences.length)
  let done = 0
  try {
    for (const bucket of buckets(sequences, options.bucketWidth ?? BUCKET_WIDTH, config.maxPositions)) {
      const points = chunkSize(path, tokensPerRun / bucket.paddedLength)
      const rows = Math.max(1, Math.floor(tokensPerRun / (points * bucket.paddedLength)))
      for (const texts of batches(bucket.texts, Math.min(rows, bucket.texts.length))) {
        const batch = padBatch(
          texts.map((text) => sequences[text]!),
          bucket.paddedLength,
          config.padTokenId,
        )
        const chosen = texts.map((text) => targets[text]!)
        const found = await attributeBatch(evaluator, { ...batch }, chosen, path, points)
        for (const [row, text] of texts.entries()) {
          const tokens = found[row]!.tokens.slice(0, sequences[text]!.length)
          attributions[text] = { ...found[row]!, tokens }
        }
        done += new Set(texts).size
        options.onProgress?.(Math.min(done, sequences.length))
      }
    }
  } finally {
    await evaluator.dispose()
  }
  return attributions
}

/** Runs a batch over the whole path, some points a run, and adds up what the runs give. */
async function attributeBatch(
  evaluator: Evaluator,
  batch: HostTensors,
  targets: readonly number[],
  { alphas, weights }: IntegrationPath,
  points: number,
): Promise<Attribution[]> {
  const rows = targets.length
  const tokens = batch.inputIds!.shape[1]!
  const sums = targets.map(() => new Float64Array(tokens))
  const scores: number[][] = []
  for (let from = 0; from < alphas.length; from += points) {
    const part = (values: Float32Array) => ({ shape: [points], values: values.slice(from, from + points) })
    const outputs = await evaluator.run({
      ...batch,
      targets: { shape: [rows], values: Int32Array.from(targets) },
      alphas: part(alphas),
      weights: part(weights),
    })
    const { values } = outputs.attributions!
    for (const [row, sum] of sums.entries()) {
      for (let token = 0; token < tokens; token++) sum[token]! += values[row * tokens + token]!
    }
    const logits = outputs.scores!.values
    for (let point = 0; point < points; point++) scores.push([...logits.slice(point * rows, (point + 1) * rows)])
  }
  return sums.map((sum, row) => {
    const baselineScore = scores[0]![row]!
    const score = scores.at(-1)![row]!
    const delta = sum.reduce((total, value) => total + value, 0) - (score - baselineScore)
    return { tokens: sum, target: targets[row]!, score, baselineScore, delta }
  })
}

function checkTargets(sequences: readonly unknown[], targets: readonly number[], { labels }: EncoderConfig): void {
  if (sequences.length !== targets.length) {
    throw new ShapeMismatch(`there are ${sequences.length} texts and ${targets.length} labels to explain`)
  }
  const wrong = targets.find((target) => !Number.isInteger(target) || target < 0 || target >= labels)
  if (wrong !== undefined)
    throw new ShapeMismatch(`label ${wrong} cannot be explained: the model has 0 to ${labels - 1}`)
}

/** Texts of equal padded length, shortest first. */
function buckets(sequences: readonly ArrayLike<number>[], bucketWidth: number, maxTokens: number) {
  const texts = new Map<number, number[]>()
  for (const [text, { length }] of sequences.entries()) {
    if (length > maxTokens) {
      throw new ShapeMismatch(`text ${text} has ${length} tokens and the model takes ${maxTokens}; cut it into windows`)
    }
    const paddedLength = paddedLengthOf(length, bucketWidth, maxTokens)
    texts.set(paddedLength, [...(texts.get(paddedLength) ?? []), text])
  }
  return [...texts]
    .map(([paddedLength, texts]) => ({ paddedLength, texts }))
    .sort((a, b) => a.paddedLength - b.paddedLength)
}

/** All of one size, so that they share a program: the last is filled up with its own last text. */
function batches(texts: readonly number[], size: number): number[][] {
  return Array.from({ length: Math.ceil(texts.length / size) }, (_, i) => {
    const batch = texts.slice(i * size, (i + 1) * size)
    while (batch.length < size) batch.push(batch.at(-1)!)
    return batch
  })
}
