/** The model card, card.md: what a reader must know before using a family, written from its manifest alone. */
import type { Estimate, FamilyManifest, TierManifest } from '../../src/family/family-schema.js'
import { cardWarnings } from './card-warnings.js'

export const CARD_FILE = 'card.md'

/** @returns the card in Markdown */
export function renderCard(manifest: FamilyManifest): string {
  const sections = [
    `# ${manifest.name}\n\n${manifest.description}`,
    warnings(manifest),
    intendedUse(manifest),
    labels(manifest),
    data(manifest),
    quality(manifest),
    calibration(manifest),
    build(manifest),
  ]
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`
}

function warnings(manifest: FamilyManifest): string {
  const found = cardWarnings(manifest)
  return found.length === 0 ? '' : `## Read this first\n\n${found.map((warning) => `- ${warning}`).join('\n')}`
}

function intendedUse(manifest: FamilyManifest): string {
  const tiers = manifest.tiers.map(({ tier }) => `\`${tier}\``).join(', ')
  return `## Intended use

A family of ${manifest.tiers.length} text classifiers of falling size (${tiers}) for studying distillation, latency budgets and
calibrated serving on legal texts, and as an example of the whole pipeline.

It is **not for deciding real cases**, nor for advising anyone about one: not for predicting an outcome for a client, for
setting priorities among people's claims, or as evidence. It sees a text, not the law, the record or the parties.

Input: English text, in windows of at most ${manifest.maxTokens} tokens (${manifest.windowOverlap} shared by neighbours); longer texts are
split and their logits averaged by token weight.`
}

function labels(manifest: FamilyManifest): string {
  const rows = manifest.labels.map((label) => [label, manifest.data.labelCounts[label] ?? 0])
  return `## Labels\n\n${table(['label', 'rows'], rows)}`
}

function data(manifest: FamilyManifest): string {
  const { data } = manifest
  const { split } = data
  const lines = [
    data.description,
    ...(data.licence === undefined ? [] : [`Licence: ${data.licence}`]),
    `${data.rows} rows read, ${data.skipped} skipped; text column \`${data.textColumn}\`, label column \`${data.labelColumn}\`; SHA-256 of the file \`${data.sha256}\`.`,
    `Split: ${split.method}, seed ${split.seed}: ${split.train} train, ${split.validation} validation, ${split.test} test.`,
  ]
  const notes = data.warnings.map((warning) => `- ${warning}`).join('\n')
  return `## Data\n\n${lines.join('\n\n')}${notes ? `\n\nWhat the audit of the data found:\n\n${notes}` : ''}`
}

function quality(manifest: FamilyManifest): string {
  const { majority, tiers } = manifest
  const rows = tiers.map(({ tier, quality }) => [
    tier,
    estimate(quality.accuracy),
    estimate(quality.macroF1),
    estimate(quality.auc),
    estimate(quality.nll),
    estimate(quality.ece),
  ])
  const baseline = [
    `always "${majority.label}"`,
    ...[majority.accuracy, majority.macroF1, majority.auc, majority.nll, majority.ece].map(figure),
  ]
  const examples = tiers[0]?.quality
  return `## Quality

On the ${examples?.split} split (${examples?.examples} examples), calibrated; in brackets the 95% bootstrap interval over examples. The last row
answers the most frequent label of the training split every time, with the label shares as probabilities.

${table(['tier', 'accuracy', 'macro-F1', 'AUC', 'NLL', 'ECE'], [...rows, baseline])}

${table(
  ['tier', 'architecture', 'parameters', 'weights', 'size', 'training', 'agrees with teacher'],
  tiers.map((tier) => [
    tier.tier,
    `${tier.architecture} (${tier.config.layers} x ${tier.config.hiddenSize})`,
    tier.parameters.toLocaleString('en'),
    tier.precision,
    `${(tier.files['weights.bin'].bytes / 1e6).toFixed(1)} MB`,
    `${tier.training.method}, from ${tier.training.initialisation}, seed ${tier.training.seed}`,
    tier.teacherAgreement ? estimate(tier.teacherAgreement) : '–',
  ]),
)}`
}

function calibration(manifest: FamilyManifest): string {
  const rows = manifest.tiers.map((tier) => [tier.tier, ...calibrationCells(tier), ...parityCells(tier)])
  const head = ['tier', 'temperature', 'NLL before', 'after', 'ECE before', 'after', 'parity', 'allowed', 'same label']
  return `## Calibration and parity

Logits are divided by the temperature, which was fitted on the ${manifest.tiers[0]?.calibration.fittedOn} split. Parity is the largest difference
between the exported model's logits and the trained parameters', on real texts; an export above the allowed one fails.

${table(head, rows)}`
}

function calibrationCells({ calibration }: TierManifest): string[] {
  const { temperature, nllBefore, nllAfter, eceBefore, eceAfter } = calibration
  return [temperature, nllBefore, nllAfter, eceBefore, eceAfter].map(figure)
}

function parityCells({ parity }: TierManifest): string[] {
  const agreement = `${(100 * parity.labelAgreement).toFixed(1)}% of ${parity.texts}`
  return [parity.maxLogitDifference.toExponential(1), String(parity.tolerance), agreement]
}

function build(manifest: FamilyManifest): string {
  const versions = Object.entries(manifest.versions).map(([name, version]) => `${name} ${version}`)
  const made = versions.length === 0 ? '' : ` with ${versions.join(', ')}`
  return `## Origin\n\nMade on ${manifest.createdAt.slice(0, 10)}${made}. \`family.json\` holds the complete training configuration, and the hash of
every file.`
}

function estimate({ value, low, high }: Estimate): string {
  return `${figure(value)} [${figure(low)}, ${figure(high)}]`
}

function figure(value: number): string {
  return value.toFixed(3)
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
