import type { StudyResults } from '../study/results.js'
import { decimal, interval, percentInterval, points, pValue, signed } from './figures.js'
import { type Html, html } from './html.js'
import { SIGNIFICANCE } from './recommendation.js'
import { table } from './table.js'

/** Differences between models on the same cases, those that hold after Holm's correction marked. */
export function comparisonTable({ comparisons }: StudyResults): Html {
  return table(
    'Differences on the same cases, first model less second',
    [
      { head: 'models' },
      { head: 'accuracy, points [95%]', numeric: true },
      { head: 'macro-F1 [95%]', numeric: true },
      { head: 'NLL, nats [95%]', numeric: true },
      { head: 'right: only first / second', numeric: true },
      { head: 'p (McNemar)', numeric: true },
      { head: 'p (Holm)', numeric: true },
      { head: 'verdict' },
    ],
    comparisons.map(({ a, b, accuracy, macroF1, nll, discordant, test, pMcNemar, pHolm }) => ({
      className: pHolm < SIGNIFICANCE ? 'significant' : '',
      cells: [
        html`${a} <span class="ci">less</span> ${b}`,
        html`${points(accuracy.value)} <span class="ci">${percentInterval(accuracy)}</span>`,
        html`${signed(macroF1.value)} <span class="ci">${interval(macroF1)}</span>`,
        html`${signed(nll.value)} <span class="ci">${interval(nll)}</span>`,
        `${cases(discordant[1])} / ${cases(discordant[0])}`,
        html`${pValue(pMcNemar)}${test === 'exact' ? html` <span class="ci">exact</span>` : undefined}`,
        pValue(pHolm),
        pHolm < SIGNIFICANCE
          ? html`<strong>${verdict(accuracy.value, pHolm)}</strong>`
          : verdict(accuracy.value, pHolm),
      ],
    })),
  )
}

function verdict(difference: number, pHolm: number): string {
  if (pHolm >= SIGNIFICANCE) return 'undecided'
  return difference > 0 ? 'first better' : 'second better'
}

/** A number of cases; a mean over pairs of seeds need not be whole. */
function cases(count: number): string {
  return decimal(count, Number.isInteger(count) ? 0 : 1)
}
