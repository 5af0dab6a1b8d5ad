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
      { head: 'only first right', numeric: true },
      { head: 'only second right', numeric: true },
      { head: 'p (McNemar)', numeric: true },
      { head: 'p (Holm)', numeric: true },
      { head: 'verdict on accuracy' },
    ],
    comparisons.map(({ a, b, accuracy, macroF1, nll, discordant, test, pMcNemar, pHolm }) => ({
      className: pHolm < SIGNIFICANCE ? 'significant' : '',
      cells: [
        html`${a} <span class="ci">less</span> ${b}`,
        html`${points(accuracy.value)} <span class="ci">${percentInterval(accuracy)}</span>`,
        html`${signed(macroF1.value)} <span class="ci">${interval(macroF1)}</span>`,
        html`${signed(nll.value)} <span class="ci">${interval(nll)}</span>`,
        decimal(discordant[1], Number.isInteger(discordant[1]) ? 0 : 1),
        decimal(discordant[0], Number.isInteger(discordant[0]) ? 0 : 1),
        html`${pValue(pMcNemar)}${test === 'exact' ? html` <span class="ci">exact</span>` : undefined}`,
        pValue(pHolm),
        verdict(accuracy.value, pHolm),
      ],
    })),
  )
}

function verdict(difference: number, pHolm: number): string {
  if (pHolm >= SIGNIFICANCE) return 'cannot be told apart'
  return difference > 0 ? 'first is better' : 'second is better'
}
