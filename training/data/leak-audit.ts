import { createRandom } from '../random.js'
import { type ColumnPrediction, predictFromColumn } from './column-prediction.js'
import { classesOf, type Dataset } from './dataset.js'
import { comparableWords, type NearDuplicates, nearDuplicatesOf } from './near-duplicates.js'
import { SPLIT_NAMES, type Split, type SplitName } from './split.js'
import { findTellingWords, type TellingWord } from './telling-words.js'

/**
 * `leak`: alone it predicts the label far better than the majority rate. `tells`: it says something, which a value known
 * before the decision may. `silent`: nothing to see.
 */
export type LeakLevel = 'leak' | 'tells' | 'silent'

export interface ColumnFinding extends ColumnPrediction {
  readonly column: string
  readonly level: LeakLevel
  /** whether the column is part of the texts */
  readonly usedAsFeature: boolean
}

export interface Member {
  readonly id: string
  readonly row: number
  readonly label: string
  /** absent without a split */
  readonly side?: SplitName
}

export interface DuplicateGroup {
  readonly members: readonly Member[]
  /** least Jaccard similarity of the links that hold the group together; 1: the same words */
  readonly similarity: number
}

export interface LeakAudit {
  /** every column but text and label, the most telling first */
  readonly columns: readonly ColumnFinding[]
  readonly words: readonly TellingWord[]
  /** groups of near-duplicate texts */
  readonly duplicates: readonly DuplicateGroup[]
  /** those of them with members on several sides of the split */
  readonly acrossSides: readonly DuplicateGroup[]
  /** texts of exactly the same words that carry different labels */
  readonly conflicts: readonly DuplicateGroup[]
  /** the findings for people, worst first */
  readonly sentences: readonly string[]
}

const LEAST_GAIN = 0.05
const LEAST_STANDARD_ERRORS = 3
const LEAK_ENTROPY = 0.1
const TELLING_ENTROPY = 0.01

/**
 * Looks for what would make a model look better than it is: columns and single words that give the label away, and the same
 * text on two sides of the split. Changes nothing.
 * @param split the split to hold duplicates against; without it they are only listed
 * @param nearDuplicates of the dataset's texts, where they have been looked for already
 */
export function auditLeaks(
  dataset: Dataset,
  split?: Split,
  nearDuplicates: NearDuplicates = nearDuplicatesOf(dataset),
): LeakAudit {
  const { examples, labels, otherColumns, prefixColumns } = dataset
  const classes = classesOf(examples, labels)
  const columns = [...otherColumns]
    .map(([column, values]): ColumnFinding => {
      const prediction = predictFromColumn(values, classes, createRandom(1).fork(column))
      return { column, ...prediction, level: levelOf(prediction), usedAsFeature: prefixColumns.includes(column) }
    })
    .sort((a, b) => b.entropyExplained - a.entropyExplained)
  const texts = examples.map(({ text }) => text)
  const words = findTellingWords(texts, classes, labels)

  const member = memberOf(dataset, split)
  const { groups, links } = nearDuplicates
  const duplicates = groups.map((group): DuplicateGroup => {
    const inside = new Set(group)
    const similarities = links.filter(({ first }) => inside.has(first)).map(({ similarity }) => similarity)
    return { members: group.map(member), similarity: Math.min(...similarities) }
  })
  const acrossSides = duplicates.filter(({ members }) => new Set(members.map(({ side }) => side)).size > 1)
  const conflicts = sameWords(texts, groups)
    .map((group): DuplicateGroup => ({ members: group.map(member), similarity: 1 }))
    .filter(({ members }) => new Set(members.map(({ label }) => label)).size > 1)
  const findings = { columns, words, duplicates, acrossSides, conflicts }
  return { ...findings, sentences: describeFindings(dataset, findings) }
}

function levelOf({ accuracy, majorityRate, standardErrors, entropyExplained }: ColumnPrediction): LeakLevel {
  const clearlyAbove = standardErrors >= LEAST_STANDARD_ERRORS
  if ((clearlyAbove && accuracy - majorityRate >= LEAST_GAIN) || entropyExplained >= LEAK_ENTROPY) return 'leak'
  return clearlyAbove && entropyExplained >= TELLING_ENTROPY ? 'tells' : 'silent'
}

function memberOf({ examples }: Dataset, split: Split | undefined): (index: number) => Member {
  const sides = new Map<string, SplitName>()
  if (split !== undefined) for (const side of SPLIT_NAMES) for (const id of split.ids[side]) sides.set(id, side)
  return (index) => {
    const { id, row, label } = examples[index]!
    const side = sides.get(id)
    return side === undefined ? { id, row, label } : { id, row, label, side }
  }
}

/** Within groups of near-duplicates, those of exactly the same words in the same order. */
function sameWords(texts: readonly string[], groups: readonly (readonly number[])[]): number[][] {
  const byWords = new Map<string, number[]>()
  for (const index of groups.flat()) {
    const words = comparableWords(texts[index]!).join(' ')
    const same = byWords.get(words)
    if (same === undefined) byWords.set(words, [index])
    else same.push(index)
  }
  return [...byWords.values()].filter((same) => same.length > 1)
}

function describeFindings(dataset: Dataset, findings: Omit<LeakAudit, 'sentences'>): string[] {
  const { columns, words, duplicates, acrossSides, conflicts } = findings
  const percent = (share: number) => `${(100 * share).toFixed(1)}%`
  const rows = ({ members }: DuplicateGroup) =>
    members.map(({ row, side }) => (side ? `${row} (${side})` : row)).join(', ')
  const sentences: string[] = []
  for (const { column, level, accuracy, majorityRate, usedAsFeature } of columns) {
    if (level === 'silent') continue
    const figures = `column "${column}" alone predicts "${dataset.labelColumn}" at ${percent(accuracy)} (majority ${percent(majorityRate)})`
    const use = usedAsFeature ? ' and is part of the texts: take it out' : '; it is not part of the texts'
    sentences.push(
      level === 'leak' ? `leak: ${figures}${use}` : `${figures}${usedAsFeature ? ' and is part of the texts' : ''}`,
    )
  }
  for (const { word, label, accuracy, majorityRate, rows } of words) {
    sentences.push(
      `leak: the word "${word}" (${rows} texts) alone, read as "${label}", predicts at ${percent(accuracy)} (majority ${percent(majorityRate)})`,
    )
  }
  for (const group of acrossSides) {
    sentences.push(
      `near-duplicate texts on several sides of the split (similarity ${group.similarity.toFixed(2)}): rows ${rows(group)}`,
    )
  }
  for (const group of conflicts) sentences.push(`the same text with different labels: rows ${rows(group)}`)
  if (duplicates.length > 0 && acrossSides.length === 0) {
    const texts = duplicates.reduce((sum, { members }) => sum + members.length, 0)
    sentences.push(
      `${texts} texts in ${duplicates.length} ${duplicates.length === 1 ? 'group' : 'groups'} of near-duplicates; none spans two sides of the split`,
    )
  }
  if (dataset.prefixColumns.length > 0) {
    sentences.push(`columns used as features beside the text: ${dataset.prefixColumns.join(', ')}`)
  }
  const unused = columns.filter(({ usedAsFeature }) => !usedAsFeature).map(({ column }) => column || '(unnamed)')
  if (unused.length > 0) sentences.push(`columns never used as features: ${unused.join(', ')}`)
  return sentences
}
