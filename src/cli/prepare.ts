import type { Command } from 'commander'
import { InvalidConfiguration } from '../errors.js'
import { defaultCacheFolder } from './cache-folder.js'
import { bundledModels } from './package-root.js'
import type { PrepareFlags } from './run-prepare.js'

/** `lextier prepare` */
export function addPrepare(program: Command): void {
  program
    .command('prepare')
    .description('build and check the model variants that serve would build at its first start')
    .option('--models <folder>', 'folder whose subfolders are families (LEXTIER_MODELS, default: the bundled families)')
    .option('--family <name>', 'one of them alone')
    .option('--provider <name>', 'execution provider to prepare for: cpu, cuda or webgpu', 'cpu')
    .option('--cache <folder>', "where variants are kept (LEXTIER_CACHE, default: lextier in the user's cache folder)")
    .option('--data <file>', 'CSV or JSONL file: measures what each variant loses on labelled texts; needs --family')
    .option('--text-column <name>', 'with --data: the column with the texts')
    .option('--label-column <name>', 'with --data: the column with the labels')
    .option('--label-map <pairs>', 'with --data: raw value to label, as in TRUE=wins,FALSE=loses')
    .option('--threads <count>', "CPU threads (default: ONNX Runtime's choice)")
    .option('--json', 'print JSON')
    .action(async (flags: Partial<PrepareFlags>) => {
      const { LEXTIER_MODELS, LEXTIER_CACHE } = process.env
      const needed = ['family', 'textColumn', 'labelColumn'] as const
      if (flags.data !== undefined && needed.some((name) => flags[name] === undefined)) {
        throw new InvalidConfiguration('--data', 'give --family, --text-column and --label-column as well')
      }
      const { runPrepare } = await import('./run-prepare.js')
      await runPrepare({
        provider: 'cpu',
        ...flags,
        models: flags.models ?? (LEXTIER_MODELS || bundledModels()),
        cache: flags.cache ?? (LEXTIER_CACHE || defaultCacheFolder(process.env)),
      })
    })
}
