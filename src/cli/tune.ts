import type { Command } from 'commander'
import { defaultCacheFolder } from './cache-folder.js'
import { bundledModels } from './package-root.js'
import type { TuneFlags } from './run-tune.js'

/** `lextier tune` */
export function addTune(program: Command): void {
  program
    .command('tune')
    .description('measure how many engines with how many threads serve a family best on the CPUs of this machine')
    .option('--models <folder>', 'folder whose subfolders are families (LEXTIER_MODELS, default: the bundled families)')
    .option('--family <name>', 'the family to measure with (LEXTIER_DEFAULT_FAMILY, default: the first)')
    .option('--tier <name>', 'teacher, balanced, fast or all', 'all')
    .option('--for <goal>', 'latency, throughput or balanced', 'balanced')
    .option('--lanes <count>', 'as serve takes it (LEXTIER_LANES, default: auto); engines and threads are of each lane')
    .option('--seconds <number>', 'for each measurement: one lone, one loaded, for each tier and layout', '3')
    .option('--cache <folder>', "where variants are kept (LEXTIER_CACHE, default: lextier in the user's cache folder)")
    .option('--output <file>', 'write the best as environment variables that serve reads')
    .option('--json', 'print JSON')
    .action(async (flags: Partial<TuneFlags> & { for: string; tier: string; seconds: string }) => {
      const { LEXTIER_MODELS, LEXTIER_CACHE, LEXTIER_DEFAULT_FAMILY, LEXTIER_LANES } = process.env
      const family = flags.family ?? (LEXTIER_DEFAULT_FAMILY || undefined)
      const { runTune } = await import('./run-tune.js')
      await runTune({
        ...flags,
        models: flags.models ?? (LEXTIER_MODELS || bundledModels()),
        lanes: flags.lanes ?? (LEXTIER_LANES || 'auto'),
        cache: flags.cache ?? (LEXTIER_CACHE || defaultCacheFolder(process.env)),
        ...(family !== undefined && { family }),
      })
    })
}
