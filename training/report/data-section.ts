import type { StudyResults } from '../study/results.js'
import { percent, whole } from './figures.js'
import { type Html, html } from './html.js'
import { table } from './table.js'

/** What was learnt from: rows, classes, how they were parted, and what the audit found. */
export function dataSection({ data, labels, majority }: StudyResults): Html {
  const { split, nearDuplicates } = data
  const total = Object.values(data.labelCounts).reduce((sum, count) => sum + count, 0)
  const parted =
    split.folds > 1
      ? `${split.folds} ${split.method} folds, seed ${split.seed}: ${whole(split.tested)} cases are each tested once by models that did not see them; a fold has about ${whole(split.train)} training, ${whole(split.validation)} validation and ${whole(split.test)} test cases.`
      : `${split.method} split, seed ${split.seed}: ${whole(split.train)} training, ${whole(split.validation)} validation and ${whole(split.test)} test cases.`
  const findings = [...data.leaks, ...data.warnings]
  return html`<p>${data.description}</p>
${data.licence === undefined ? undefined : html`<p>Licence: ${data.licence}</p>`}
<p>${whole(data.rows)} rows, ${whole(data.skipped)} skipped; text column <code>${data.textColumn}</code>, label column <code>${data.labelColumn}</code>. ${parted}</p>
<p>Near-duplicate texts: ${counted(nearDuplicates.groups, 'group')}, ${whole(nearDuplicates.acrossSides)} across sides of the split, ${whole(nearDuplicates.conflicts)} of the same words with different labels. The majority answer is “${majority.label}”, ${percent(majority.accuracy)} of the test cases.</p>
${table(
  'Classes',
  [{ head: 'label' }, { head: 'rows', numeric: true }, { head: 'share', numeric: true }],
  labels.map((label) => {
    const count = data.labelCounts[label] ?? 0
    return { cells: [label, whole(count), percent(total === 0 ? 0 : count / total)] }
  }),
)}
${findings.length === 0 ? html`<p>The audit found no leak.</p>` : html`<h3>What the audit found</h3><ul>${findings.map((finding) => html`<li>${finding}</li>`)}</ul>`}
<p class="note">SHA-256 of the file: <code>${data.sha256}</code></p>`
}

function counted(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? '' : 's'}`
}
