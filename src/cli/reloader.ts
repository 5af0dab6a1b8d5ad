import { isLextierError } from '../errors.js'
import { listFamilies } from '../family/list-families.js'
import type { Metrics } from '../metrics/metrics.js'
import type { ServingLog } from '../serving/classifier-options.js'
import type { FamilyGenerations } from '../serving/family-generations.js'

export interface ReloadParts {
  readonly modelsDir: string
  readonly metrics: Pick<Metrics, 'familyRetired'>
  readonly log: ServingLog
}

/**
 * @returns reloads the models folder and logs what came of it; never rejects: whatever is wrong, what serves goes on. While one goes on,
 *   however many are asked for are one more, which finds what all of them would.
 */
export function reloader(
  generations: Pick<FamilyGenerations, 'served' | 'reload'>,
  { modelsDir, metrics, log }: ReloadParts,
): (why: string) => Promise<void> {
  const reload = async (why: string) => {
    log.info({ why }, 'reloading')
    const before = generations.served()
    try {
      const report = await generations.reload(() => listFamilies(modelsDir, { verify: 'hashes' }))
      const versions = new Set(generations.served().map(({ version }) => version))
      for (const { manifest, version } of before) {
        if (!versions.has(version)) await metrics.familyRetired(manifest.name, version)
      }
      log.info({ ...report }, 'reloaded')
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      log.error(
        { code, reason: isLextierError(error) ? message : 'INTERNAL' },
        'reload refused; what was served is served on',
      )
    }
  }
  let last: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined
  return (why) => {
    next ??= last.then(() => {
      next = undefined
      return reload(why)
    })
    last = next
    return next
  }
}
