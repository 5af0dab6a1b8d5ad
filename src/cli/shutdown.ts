/** How the server stops. Pure apart from its timer: the app, the classifier and the count of requests are arguments. */
import type { Draining } from '../http/draining.js'
import type { Classifier } from '../serving/types.js'

export interface ShutdownParts {
  readonly app: { close(): Promise<unknown> }
  readonly draining: Pick<Draining, 'begin' | 'idle' | 'inFlight'>
  readonly classifier: Pick<Classifier, 'drain'>
  readonly graceMs: number
}

/**
 * New predictions are refused and /health/ready says so, while the server still listens; requests that were here before
 * are answered; then the engines stop and the server closes.
 * @returns the requests that were left unanswered when the grace time ended; 0 after a clean stop
 */
export async function shutDown({ app, draining, classifier, graceMs }: ShutdownParts): Promise<number> {
  draining.begin()
  let timer: NodeJS.Timeout | undefined
  const graceOver = new Promise<'over'>((resolve) => {
    timer = setTimeout(resolve, graceMs, 'over')
  })
  const finished = draining.idle().then(async () => {
    // the listener closes first: what still arrives is refused by the system, not half answered
    await app.close()
    await classifier.drain()
    return 'finished' as const
  })
  const outcome = await Promise.race([finished, graceOver])
  clearTimeout(timer)
  return outcome === 'finished' ? 0 : Math.max(1, draining.inFlight)
}
