/** What training tells whoever watches: a progress bar on a terminal, NDJSON elsewhere. Every event is plain JSON. */
export type TrainingEvent =
  | { readonly type: 'message'; readonly message: string }
  | { readonly type: 'warning'; readonly message: string }
  | {
      readonly type: 'stage'
      readonly stage: string
      readonly state: 'started' | 'resumed' | 'finished' | 'skipped'
      readonly detail: string
    }
  | {
      /** of a study: which of its stages begins */
      readonly type: 'progress'
      readonly stage: string
      /** counted from 1 */
      readonly index: number
      readonly stages: number
      /** of all that are left, once one has been timed */
      readonly etaSeconds?: number
    }
  | {
      readonly type: 'step'
      readonly stage: string
      readonly epoch: number
      readonly step: number
      readonly steps: number
      /** mean over the steps since the last event */
      readonly loss: number
      /** its terms, unweighted, likewise: what to choose weights by */
      readonly losses: Readonly<Record<string, number>>
      readonly learningRate: number
      /** before clipping, of the last step whose gradients were finite */
      readonly gradientNorm: number
      /** in mixed precision: what the loss of the last step was multiplied by for its gradients */
      readonly lossScale?: number
      /** in mixed precision: steps since the last event that changed nothing, because their gradients overflowed */
      readonly skippedSteps?: number
      readonly sequencesPerSecond: number
      readonly etaSeconds: number
      /** where there are classes */
      readonly majorityAccuracy?: number
    }
  | {
      readonly type: 'epoch'
      readonly stage: string
      readonly epoch: number
      readonly epochs: number
      readonly trainLoss: number
      readonly validationNll?: number
      /** of a stage without targets, which has no likelihood */
      readonly validationLoss?: number
      readonly validationAccuracy?: number
      readonly majorityAccuracy?: number
      readonly majorityNll?: number
      /** whether these are the best weights so far */
      readonly best: boolean
    }

/** @returns an event as others read it, in a line of events.ndjson or of standard output: keys in snake_case */
export function eventRecord(event: TrainingEvent): Record<string, unknown> {
  return Object.fromEntries(Object.entries(event).map(([key, value]) => [snakeCase(key), value]))
}

export function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

export type OnEvent = (event: TrainingEvent) => void
