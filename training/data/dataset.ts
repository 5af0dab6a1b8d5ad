import type { TableFormat } from './read-table.js'

/** One labelled text. */
export interface Example {
  /** unique in the dataset: the id column's value, or the row number */
  readonly id: string
  /** 1-based row of the file, header not counted */
  readonly row: number
  /** HTML stripped, white space collapsed, prefix columns in front */
  readonly text: string
  readonly label: string
  /** examples of one group never part over two splits */
  readonly group?: string
  /** see parseTime; years, or whatever number the time column counts in */
  readonly time?: number
}

export interface SkippedRow {
  readonly row: number
  readonly reason: string
}

export interface Dataset {
  readonly file: string
  /** of the file's bytes, lower-case hex */
  readonly sha256: string
  /** every column of the file, in its order */
  readonly columns: readonly string[]
  readonly textColumn: string
  readonly labelColumn: string
  /** columns whose values were put in front of the text */
  readonly prefixColumns: readonly string[]
  /** rows read, skipped ones included */
  readonly rows: number
  /** sorted by code unit, or in the order asked for; the index is the class of the logits */
  readonly labels: readonly string[]
  readonly examples: readonly Example[]
  readonly skipped: readonly SkippedRow[]
  readonly labelCounts: Readonly<Record<string, number>>
  /** sentences for people: what was skipped, dropped, merged or added */
  readonly warnings: readonly string[]
  /** raw cells of every other column, aligned with `examples`, for the leak audit; '' where a row has none */
  readonly otherColumns: ReadonlyMap<string, readonly string[]>
}

export interface DatasetOptions {
  readonly textColumn: string
  readonly labelColumn: string
  /** raw value → label; rows with another value are skipped and reported. Without it, values are labels. */
  readonly labelMap?: Readonly<Record<string, string>> | undefined
  /** the labels there may be, in this order (a family's, when it is evaluated); rows with others are skipped, reported */
  readonly labels?: readonly string[] | undefined
  readonly idColumn?: string | undefined
  readonly groupColumn?: string | undefined
  readonly timeColumn?: string | undefined
  /** columns whose values go in front of the text, joined by `; `; none by default */
  readonly prefixColumns?: readonly string[] | undefined
  /** classes with fewer examples are rare; 1 by default */
  readonly minClassCount?: number | undefined
  /** what becomes of rare classes: `drop` (default), or `merge` into the label `other` */
  readonly rareClasses?: 'drop' | 'merge' | undefined
  /** `strip` (default) takes texts as HTML; `keep` leaves tags and entities alone */
  readonly html?: 'strip' | 'keep' | undefined
  /** by default from the file's name */
  readonly format?: TableFormat | undefined
  /** a row that cannot be read: `fail` (default) throws, `skip` reports it. Blank cells are skipped either way. */
  readonly onBadRow?: 'fail' | 'skip' | undefined
}

/**
 * The class of every example: the index of its label.
 * @param labels in the order of the logits
 */
export function classesOf(examples: readonly Example[], labels: readonly string[]): number[] {
  const classOf = new Map(labels.map((label, i) => [label, i]))
  return examples.map(({ label }) => classOf.get(label)!)
}
