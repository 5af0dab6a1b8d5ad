import type { Dataset, Example } from '../../../training/data/dataset.js'

/** A dataset in memory; texts share no words unless they are given. */
export function makeDataset(
  examples: readonly (Partial<Example> & { label: string })[],
  otherColumns: Readonly<Record<string, readonly string[]>> = {},
): Dataset {
  const labels = [...new Set(examples.map(({ label }) => label))].sort()
  return {
    file: 'cases.csv',
    sha256: 'a'.repeat(64),
    columns: ['facts', 'winner', ...Object.keys(otherColumns)],
    textColumn: 'facts',
    labelColumn: 'winner',
    prefixColumns: [],
    rows: examples.length,
    labels,
    examples: examples.map((example, i) => ({
      id: String(i + 1),
      row: i + 1,
      text: `case${i} facts${i} of${i}`,
      ...example,
    })),
    skipped: [],
    labelCounts: Object.fromEntries(
      labels.map((label) => [label, examples.filter((example) => example.label === label).length]),
    ),
    warnings: [],
    otherColumns: new Map(Object.entries(otherColumns)),
  }
}
