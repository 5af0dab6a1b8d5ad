/** A variant beside the portable model on labelled texts. Needs the training part of the installation. */
import { classesOf } from '../../training/data/dataset.js'
import { readDataset } from '../../training/data/read-dataset.js'
import { qualityMetrics } from '../../training/evaluation/quality.js'
import { onceEach, scoreExamples } from '../../training/evaluation/sample.js'
import { softmaxRows } from '../../training/evaluation/softmax.js'
import { predictTexts } from '../../training/recipes/predict-texts.js'
import type { TierManifest } from '../family/family-schema.js'
import type { Family } from '../family/load-family.js'
import type { EncoderSession, SessionOptions } from '../onnx/encoder-session.js'
import { openTier } from '../onnx/tier-session.js'
import type { VariantQuality } from '../onnx/variants/variant-cache.js'
import { loadTokenizer } from '../tokenizer/text-tokenizer.js'
import { parseLabelMap } from './label-map.js'

export interface LabelledTexts {
  /** of the file */
  readonly sha256: string
  readonly texts: readonly string[]
  /** class of each text */
  readonly labels: readonly number[]
}

/** @throws DataInvalid, ColumnNotFound, InvalidConfiguration */
export async function readLabelledTexts(
  { manifest }: Family,
  file: string,
  columns: { textColumn: string; labelColumn: string; labelMap?: string | undefined },
): Promise<LabelledTexts> {
  const labelMap = parseLabelMap(columns.labelMap)
  const dataset = await readDataset(file, { ...columns, labelMap, labels: manifest.labels })
  for (const warning of dataset.warnings) process.stderr.write(`WARNING ${warning}\n`)
  return {
    sha256: dataset.sha256,
    texts: dataset.examples.map(({ text }) => text),
    labels: classesOf(dataset.examples, manifest.labels),
  }
}

/** Texts are read as serving reads them, long ones in windows; probabilities are calibrated. */
export async function measureVariant(
  family: Family,
  tier: TierManifest,
  variant: EncoderSession,
  { sha256, texts, labels }: LabelledTexts,
  options: SessionOptions,
): Promise<VariantQuality> {
  const tokenizer = loadTokenizer(family.paths.tokenizer)
  const scores = async (session: EncoderSession) => {
    const answers = await predictTexts(session, tokenizer, texts, family.manifest)
    const probabilities = softmaxRows(
      answers.map(({ logits }) => logits),
      tier.calibration.temperature,
    )
    const { accuracy, auc } = qualityMetrics(scoreExamples(probabilities, labels))
    const counts = onceEach(labels.length)
    return { accuracy: accuracy(counts), auc: auc(counts) }
  }
  const portable = await openTier(family, tier.tier, options)
  try {
    return { dataSha256: sha256, texts: texts.length, portable: await scores(portable), variant: await scores(variant) }
  } finally {
    await portable.release()
  }
}
