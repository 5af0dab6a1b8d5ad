import { LineChart, ScatterChart } from 'echarts/charts'
import { GridComponent, MarkLineComponent } from 'echarts/components'
import { type EChartsCoreOption, init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { escapeHtml, type Html, raw } from './html.js'

use([LineChart, ScatterChart, GridComponent, MarkLineComponent, SVGRenderer])

/** Colours of the page's style sheet, which follow light, dark and print. Blue and orange differ for every kind of sight. */
export const INK = 'var(--ink)'
export const FAINT = 'var(--faint)'
export const RULE = 'var(--rule)'
export const PAPER = 'var(--paper)'
export const FIRST = 'var(--first)'
export const SECOND = 'var(--second)'
export const THIRD = 'var(--third)'

export interface ChartSize {
  /** CSS pixels at full size; the picture shrinks with its column */
  readonly width: number
  readonly height: number
}

/** An axis in the page's colours; `name` is its quantity with the unit. */
export function axis(name: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    type: 'value',
    name,
    nameLocation: 'middle',
    nameTextStyle: { color: INK, fontSize: 12 },
    axisLine: { show: true, lineStyle: { color: FAINT } },
    axisTick: { lineStyle: { color: FAINT } },
    axisLabel: { color: INK, fontSize: 11, hideOverlap: true },
    splitLine: { lineStyle: { color: RULE } },
    ...more,
  }
}

/**
 * A chart as one inline SVG without script, links or style elements.
 * @param id unique on the page
 * @param title what the picture is; read out in its place
 * @param description what it shows, in words
 */
export function chartSvg(
  id: string,
  title: string,
  description: string,
  size: ChartSize,
  option: EChartsCoreOption,
): Html {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size })
  try {
    chart.setOption({ animation: false, textStyle: { fontFamily: 'inherit' }, ...option })
    return raw(accessible(chart.renderToSVGString(), id, title, description))
  } finally {
    chart.dispose()
  }
}

function accessible(svg: string, id: string, title: string, description: string): string {
  const labels = `<title id="${id}-title">${escapeHtml(title)}</title><desc id="${id}-desc">${escapeHtml(description)}</desc>`
  return svg
    .replace(/<style[^>]*>[\s\S]*?<\/style>/g, '')
    .replace(/ (class="zr\d+-cls-\d+"|ecmeta_\w+="[^"]*"|pointer-events="\w+"|xmlns(:\w+)?="[^"]*")/g, '')
    .replace(/\bzr\d+-/g, `${id}-`)
    .replace(/^<svg /, `<svg role="img" aria-labelledby="${id}-title ${id}-desc" `)
    .replace(/^<svg [^>]*>/, (opening) => opening + labels)
}
