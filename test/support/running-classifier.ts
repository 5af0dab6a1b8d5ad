/** A real classifier with real engine processes, for tests. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createClassifier } from '../../src/serving/classifier.js'
import type { ClassifierOptions } from '../../src/serving/classifier-options.js'
import type { Classifier, ClassifyRequest } from '../../src/serving/types.js'
import { type TinyFamilyOptions, writeTinyFamily } from './tiny-family.js'

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly fields: Record<string, unknown>
}

export interface Running {
  readonly classifier: Classifier
  readonly log: LogLine[]
  /** process ids of the engines that have become ready, in that order, dead ones included */
  enginePids(): number[]
  classify(request?: Partial<ClassifyRequest>): ReturnType<Classifier['classify']>
  /** resolves when `condition` holds; fails after 20 s */
  until(condition: () => boolean, what: string): Promise<void>
  ready(): Promise<void>
}

export function scratchFolder(): { dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'lextier-serving-'))
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) }
}

/** Writes a tiny family into `dir` and serves it. */
export async function serveTinyFamily(
  dir: string,
  options: Partial<ClassifierOptions> & { tiny?: TinyFamilyOptions } = {},
): Promise<Running> {
  const { tiny, ...rest } = options
  const family = await writeTinyFamily(dir, tiny)
  return runClassifier({ families: [family], provider: 'cpu', engines: 1, threads: 1, ...rest })
}

export async function runClassifier(options: ClassifierOptions): Promise<Running> {
  const log: LogLine[] = []
  const write = (level: string) => (fields: object, message: string) => {
    log.push({ level, message, fields: fields as Record<string, unknown> })
  }
  const classifier = await createClassifier({
    log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    ...options,
  })
  const until = async (condition: () => boolean, what: string) => {
    for (let waited = 0; !condition(); waited += 10) {
      if (waited > 60_000) throw new Error(`waited in vain for ${what}: ${JSON.stringify(classifier.readiness())}`)
      await delay(10)
    }
  }
  return {
    classifier,
    log,
    enginePids: () => log.filter(({ message }) => message === 'engine ready').map(({ fields }) => fields.pid as number),
    classify: (request = {}) =>
      classifier.classify({
        texts: ['the court convicted the petitioner'],
        tier: 'auto',
        onBudgetMiss: 'fastest',
        longText: 'windows',
        arrivalMs: performance.now(),
        ...request,
      }),
    until,
    ready: () => until(() => classifier.readiness().ready, 'readiness'),
  }
}
