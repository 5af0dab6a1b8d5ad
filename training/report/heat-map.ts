import type { AttributionExample } from '../study/results.js'
import { decimal, listed, percent, scientific } from './figures.js'
import { type Html, html } from './html.js'

/** Steps of colour on each side of zero. */
const LEVELS = 4
const NAMED_TOKENS = 5
/** Maps of further models open on demand. */
const MAPS_IN_SIGHT = 6

type Attributed = AttributionExample['models'][number]

/** A text once for every model, its tokens shaded by attribution; the strongest tokens in words below each. */
export function heatMaps(example: AttributionExample, number: number): Html {
  const first = example.models.slice(0, MAPS_IN_SIGHT)
  const others = example.models.slice(MAPS_IN_SIGHT)
  return html`<article class="example">
<h3>Text ${number}: “${example.label}”</h3>
<p class="note">Case ${example.exampleId}. Shaded: what speaks for <span class="p3">“${example.target}”</span> (blue) and against it (<span class="n3">orange, dotted</span>). Pale text was cut off: no model read it.</p>
<div class="maps">${first.map((model) => heatMap(example, model))}</div>
${others.length === 0 ? undefined : html`<details><summary>${others.length} more ${others.length === 1 ? 'model' : 'models'}</summary><div class="maps">${others.map((model) => heatMap(example, model))}</div></details>`}
</article>`
}

function heatMap(example: AttributionExample, model: Attributed): Html {
  const probability = model.probability === undefined ? '' : `, ${percent(model.probability)} for “${example.target}”`
  return html`<figure>
<figcaption><strong>${model.name}</strong>${probability}; convergence delta ${scientific(model.delta)}</figcaption>
<p class="map">${shadedText(example, model.attributions)}</p>
<p class="note">${inWords(example, model.attributions)}</p>
</figure>`
}

/**
 * The text whole, so that what lies between tokens is kept; neighbours of one shade are one element. What comes after the last token
 * was cut off and never read.
 */
function shadedText({ text, offsets }: AttributionExample, attributions: readonly number[]): Html[] {
  const most = Math.max(...attributions.map(Math.abs), Number.MIN_VALUE)
  const runs: { level: number; start: number; end: number }[] = []
  for (const [i, [start, end]] of offsets.entries()) {
    const level = levelOf((attributions[i] ?? 0) / most)
    const last = runs.at(-1)
    if (last?.level === level) last.end = end
    else runs.push({ level, start, end })
  }
  const pieces: Html[] = []
  let place = 0
  for (const { level, start, end } of runs) {
    const piece = text.slice(start, end)
    pieces.push(html`${text.slice(place, start)}`)
    pieces.push(
      level === 0 ? html`${piece}` : html`<span class="${level > 0 ? 'p' : 'n'}${Math.abs(level)}">${piece}</span>`,
    )
    place = end
  }
  const rest = text.slice(place)
  return [...pieces, rest.trim() === '' ? html`${rest}` : html`<span class="unread">${rest}</span>`]
}

/** @param share of the strongest attribution, in [−1, 1] */
function levelOf(share: number): number {
  return Math.sign(share) * Math.min(LEVELS, Math.round(Math.abs(share) * LEVELS))
}

function inWords({ text, offsets }: AttributionExample, attributions: readonly number[]): string {
  const order = [...attributions.keys()].sort((a, b) => attributions[b]! - attributions[a]!)
  const named = (tokens: readonly number[]) =>
    listed(tokens.map((i) => `“${text.slice(...offsets[i]!)}” (${decimal(attributions[i]!, 2)})`))
  const speaksFor = order.filter((i) => attributions[i]! > 0).slice(0, NAMED_TOKENS)
  const against = order
    .filter((i) => attributions[i]! < 0)
    .reverse()
    .slice(0, NAMED_TOKENS)
  const sentences: string[] = []
  if (speaksFor.length > 0) sentences.push(`Most for it: ${named(speaksFor)}.`)
  if (against.length > 0) sentences.push(`Most against it: ${named(against)}.`)
  return sentences.join(' ')
}
