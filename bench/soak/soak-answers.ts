/**
 * What became of the soak's requests. A request is answered, refused by name for want of time or room, or it has failed: an
 * error, no answer, or one that differs from what the same model said of the same text before. Pure.
 */
import type { SoakRequest } from './soak-turn.js'

export interface SoakCounts {
  answered: number
  /** by code: what an overloaded server may say, with the work not done */
  readonly refused: Record<string, number>
  /** by code */
  readonly failed: Record<string, number>
}

/** One answer of the server: its body, or the code of what came instead. */
export type SoakAnswer = { readonly body: unknown } | { readonly errorCode: string }

const REFUSALS = ['OVERLOADED', 'DEADLINE_EXCEEDED']
/** Packed batches answer a text alike whatever it is batched with, but for rounding. */
const TOLERANCE = 1e-3

interface Body {
  readonly code?: string
  readonly family?: string
  readonly tier?: string
  readonly predictions?: readonly { readonly label: string; readonly probability: number }[]
}

export class SoakAnswers {
  readonly counts: SoakCounts = { answered: 0, refused: {}, failed: {} }
  /** the first answer of each model to each text */
  readonly #known = new Map<string, number>()

  add(request: SoakRequest, answer: SoakAnswer): void {
    const code = 'errorCode' in answer ? answer.errorCode : this.#fault(request, answer.body as Body)
    if (code === undefined) this.counts.answered++
    else {
      const counts = REFUSALS.includes(code) ? this.counts.refused : this.counts.failed
      counts[code] = (counts[code] ?? 0) + 1
    }
  }

  /** @returns the code of an error or of what is wrong with the answer */
  #fault({ family, tier: asked, texts }: SoakRequest, { code, ...body }: Body): string | undefined {
    if (code !== undefined) return code
    const { tier, predictions = [] } = body
    if (body.family !== family || predictions.length !== texts.length) return 'WRONG_ANSWER'
    if (asked !== 'auto' && tier !== asked) return 'WRONG_ANSWER'
    const same = predictions.every(({ label, probability }, i) => {
      const key = `${family} ${tier} ${label} ${texts[i]}`
      const known = this.#known.get(key) ?? probability
      this.#known.set(key, known)
      return Math.abs(probability - known) <= TOLERANCE
    })
    return same ? undefined : 'CHANGED_ANSWER'
  }
}
