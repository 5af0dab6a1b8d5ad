import { type Html, html } from './html.js'

export interface Column {
  readonly head: string
  /** figures stand to the right */
  readonly numeric?: boolean
}

export interface Row {
  readonly cells: readonly (string | number | Html)[]
  /** class of the row */
  readonly className?: string
}

/**
 * A table in a box of its own that scrolls sideways where the page is too narrow; the first cell of a row heads it. The caption
 * stands outside of the box, so that it stays readable there.
 */
export function table(caption: string, columns: readonly Column[], rows: readonly Row[]): Html {
  const kind = ({ numeric }: Column) => (numeric ? 'figure' : 'words')
  const head = columns.map((column) => html`<th scope="col" class="${kind(column)}">${column.head}</th>`)
  const body = rows.map(({ cells, className }) => {
    const [first, ...rest] = cells
    return html`<tr class="${className ?? ''}"><th scope="row">${first}</th>${rest.map(
      (cell, i) => html`<td class="${kind(columns[i + 1]!)}">${cell}</td>`,
    )}</tr>`
  })
  return html`<figure class="table"><figcaption>${caption}</figcaption><div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table aria-label="${caption}">
<thead><tr>${head}</tr></thead>
<tbody>${body}</tbody>
</table></div></figure>`
}
