import type { Random } from '../../training/random.js'
import { dealTexts, type WorkloadText } from './workload.js'

/** Of several texts: so many at least, so that requests differ. */
const BODIES = 64

/**
 * @param textsPerRequest 1: a request of each text, in their order; more: every text comes as often as any other, give or take one
 * @returns JSON of requests
 */
export function requestBodies(texts: readonly WorkloadText[], textsPerRequest: number, random: Random): Buffer[] {
  if (textsPerRequest === 1) return texts.map(({ body }) => body)
  const next = dealTexts(texts, random)
  const count = Math.max(BODIES, Math.ceil(texts.length / textsPerRequest))
  return Array.from({ length: count }, () =>
    Buffer.from(JSON.stringify({ texts: Array.from({ length: textsPerRequest }, () => textOf(next())) })),
  )
}

function textOf({ body }: WorkloadText): string {
  return (JSON.parse(body.toString('utf8')) as { text: string }).text
}
