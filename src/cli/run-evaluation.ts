import { classesOf } from '../../training/data/dataset.js'
import { readDataset } from '../../training/data/read-dataset.js'
import { majorityBaseline, measureQuality } from '../../training/evaluation/quality.js'
import { softmaxRows } from '../../training/evaluation/softmax.js'
import { compareWithTeacher } from '../../training/evaluation/teacher-comparison.js'
import { predictTexts } from '../../training/recipes/predict-texts.js'
import { TierNotFound } from '../errors.js'
import type { MajorityBaseline, Quality, TierManifest } from '../family/family-schema.js'
import { figures } from '../family/figures.js'
import { type Family, loadFamily } from '../family/load-family.js'
import { openTier } from '../onnx/tier-session.js'
import { loadTokenizer } from '../tokenizer/text-tokenizer.js'
import { parseLabelMap } from './label-map.js'
import { threadsOption } from './threads-option.js'

export interface EvaluateFlags {
  readonly family: string
  readonly data: string
  readonly textColumn: string
  readonly labelColumn: string
  readonly labelMap?: string
  readonly tier: string
  readonly threads?: string
  readonly json?: boolean
}

export async function runEvaluation(flags: EvaluateFlags): Promise<void> {
  const family = await loadFamily(flags.family, { verify: 'hashes' })
  const { manifest } = family
  const tiers = chosenTiers(family, flags.tier)
  const dataset = await readDataset(flags.data, {
    textColumn: flags.textColumn,
    labelColumn: flags.labelColumn,
    labelMap: parseLabelMap(flags.labelMap),
    labels: manifest.labels,
  })
  for (const warning of dataset.warnings) process.stderr.write(`WARNING ${warning}\n`)
  const texts = dataset.examples.map(({ text }) => text)
  const labels = classesOf(dataset.examples, manifest.labels)
  const tokenizer = loadTokenizer(family.paths.tokenizer)
  const reports = []
  let teacher: Float64Array[] | undefined
  for (const { tier, calibration } of tiers) {
    const session = await openTier(family, tier, { provider: 'cpu', ...threadsOption(flags) })
    const began = performance.now()
    const answers = await predictTexts(session, tokenizer, texts, manifest, (done) => reportProgress(tier, done, texts))
    const seconds = (performance.now() - began) / 1000
    await session.release()
    const logits = answers.map((answer) => answer.logits)
    const probabilities = softmaxRows(logits, calibration.temperature)
    if (tier === 'teacher') teacher = probabilities
    const comparison = teacher && tier !== 'teacher' && compareWithTeacher({ teacher, student: probabilities })
    reports.push({
      tier,
      ...figures(measureQuality({ probabilities, labels, split: 'evaluation' })),
      temperature: calibration.temperature,
      windowed: answers.filter(({ windows }) => windows > 1).length,
      texts_per_second: texts.length / seconds,
      ...(comparison && { teacher_agreement: comparison.agreement, teacher_divergence: comparison.divergence }),
    })
  }
  const result = {
    family: manifest.name,
    version: family.version,
    data: { sha256: dataset.sha256, rows: dataset.rows, examples: texts.length, skipped: dataset.skipped.length },
    note: 'includes every row of the file; rows that the family was trained on flatter it',
    majority: figures(majorityBaseline(labels, labels, manifest.labels)),
    tiers: reports,
  }
  if (flags.json) console.log(JSON.stringify(result, null, 2))
  else print(result)
}

function chosenTiers({ manifest }: Family, name: string): readonly TierManifest[] {
  if (name === 'all') return manifest.tiers
  const found = manifest.tiers.filter(({ tier }) => tier === name)
  if (found.length > 0) return found
  throw new TierNotFound(name, manifest.name, `${manifest.tiers.map(({ tier }) => tier).join(', ')}, or all`)
}

function reportProgress(tier: string, done: number, texts: readonly string[]): void {
  if (process.stderr.isTTY)
    process.stderr.write(`\r${tier}: ${done}/${texts.length}${done === texts.length ? '\n' : ''}`)
}

type Shown<T extends Quality | MajorityBaseline> = ReturnType<typeof figures<T>>
type Result = Shown<Quality> & { tier: string }

function print({ tiers, majority }: { tiers: readonly Result[]; majority: Shown<MajorityBaseline> }): void {
  const rows = tiers.map(({ tier, accuracy, macro_f1, auc, nll, brier, ece }) => ({
    tier,
    accuracy: `${accuracy.value.toFixed(3)} [${accuracy.low.toFixed(3)}, ${accuracy.high.toFixed(3)}]`,
    'macro-F1': macro_f1.value.toFixed(3),
    AUC: auc.value.toFixed(3),
    NLL: nll.value.toFixed(3),
    Brier: brier.value.toFixed(3),
    ECE: ece.value.toFixed(3),
  }))
  const { label, accuracy, macro_f1, auc, nll, brier, ece } = majority
  const fixed = (value: number) => value.toFixed(3)
  rows.push({
    tier: `majority (${label})`,
    accuracy: fixed(accuracy),
    'macro-F1': fixed(macro_f1),
    AUC: fixed(auc),
    NLL: fixed(nll),
    Brier: fixed(brier),
    ECE: fixed(ece),
  })
  console.table(rows)
}
