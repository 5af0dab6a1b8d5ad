/** Writes a tier's explain.onnx and holds it against the training engine. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ParityFailed } from '../../src/errors.js'
import type { ExplainCheck, TierManifest } from '../../src/family/family-schema.js'
import { sha256 } from '../../src/family/file-hash.js'
import type { HostTensors } from '../../src/family/tensor.js'
import type { TokenSequence } from '../../src/onnx/encoder-session.js'
import { EXPLAIN_FILE, openExplainer } from '../../src/onnx/explain-session.js'
import { MODEL_FILE } from '../../src/onnx/portable-model.js'
import { readWeights } from '../../src/onnx/read-weights.js'
import { attributeSequences } from '../attribution/attribute-sequences.js'
import { DEFAULT_STEPS } from '../attribution/integration-path.js'
import { createEngine } from '../engine/create-engine.js'
import { buildExplainModel } from './explain-model.js'

/** Both compute in fp32 with the weights as stored: what is left is rounding, some 1e-6. */
const TOLERANCE = 1e-3

export interface ExplainFile {
  readonly file: { readonly sha256: string; readonly bytes: number }
  readonly check: ExplainCheck
}

/**
 * Writes explain.onnx beside the model.onnx and weights.bin of a folder, whole or not at all.
 * @param sequences real texts; the shortest and the middle one are explained, each for a label of its own
 * @throws ParityFailed when it does not give what the engine gives with the same, stored weights
 */
export async function writeExplainFile(
  folder: string,
  { tier, config }: Pick<TierManifest, 'tier' | 'config'>,
  sequences: readonly TokenSequence[],
): Promise<ExplainFile> {
  const modelFile = join(folder, MODEL_FILE)
  const bytes = buildExplainModel(config, await readFile(modelFile))
  // in the same folder: it has to find weights.bin
  const unchecked = join(folder, `${EXPLAIN_FILE}.part`)
  await writeFile(unchecked, bytes)
  try {
    const check = await checkExplanations(unchecked, config, await readWeights(modelFile, config), sequences)
    if (!(check.maxDifference <= TOLERANCE)) {
      throw new ParityFailed(
        `tier "${tier}": explain.onnx strays from the engine's attributions by ${check.maxDifference} of their length (allowed: ${TOLERANCE}); export with explain: false, and report this`,
      )
    }
    await rename(unchecked, join(folder, EXPLAIN_FILE))
    return { file: { sha256: sha256(bytes), bytes: bytes.length }, check }
  } catch (error) {
    await rm(unchecked, { force: true })
    throw error
  }
}

async function checkExplanations(
  explainFile: string,
  config: TierManifest['config'],
  parameters: HostTensors,
  sequences: readonly TokenSequence[],
): Promise<ExplainCheck> {
  const texts = shortestAndMiddle(sequences)
  const targets = texts.map((_, i) => i % config.labels)
  const engine = await createEngine('cpu')
  const expected = await attributeSequences(
    engine,
    { config, parameters },
    texts.map(({ inputIds }) => inputIds),
    targets,
    { bucketWidth: 1 },
  )
  await engine.dispose()
  const session = await openExplainer(explainFile, config, { provider: 'cpu' })
  let maxDifference = 0
  let maxDelta = 0
  try {
    for (const [i, text] of texts.entries()) {
      const { attributions, delta } = await session.run(text, targets[i]!)
      const reference = expected[i]!.tokens
      const length = Math.hypot(...reference)
      for (const [token, value] of reference.entries()) {
        // a text of special tokens alone has attributions of 0
        const difference = Math.abs(attributions[token]! - value) / (length || 1)
        maxDifference = Math.max(maxDifference, difference) // NaN stays NaN, and fails
      }
      maxDelta = Math.max(maxDelta, Math.abs(delta))
    }
  } finally {
    await session.release()
  }
  return { steps: DEFAULT_STEPS, texts: texts.length, maxDifference, tolerance: TOLERANCE, maxDelta }
}

/** Explanations cost a hundred times a prediction: two lengths tell what there is to tell. */
function shortestAndMiddle(sequences: readonly TokenSequence[]): TokenSequence[] {
  const byLength = sequences.toSorted((a, b) => a.inputIds.length - b.inputIds.length)
  const middle = Math.floor(byLength.length / 2)
  return [...new Set([byLength[0], byLength[middle]])].filter((text) => text !== undefined)
}
