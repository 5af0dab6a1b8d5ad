import type { Command } from 'commander'
import { PRECISION_HELP } from './precision-option.js'
import type { StudyFlags } from './run-study.js'

/** `lextier study` */
export function addStudy(program: Command): void {
  program
    .command('study')
    .description('train every student by every method, compare them, write one report')
    .requiredOption('--config <file>', "the study's configuration, YAML or JSON")
    .option('--data <file>', 'CSV or JSONL file; wins over data.path')
    .option('--out <folder>', 'stages and report (default: runs/<name>); finished stages in it are not repeated')
    .option('--device <name>', 'auto, cpu, cuda, webgpu, or tfjs:NAME for an installed tfjs backend', 'auto')
    .option('--threads <count>', "CPU threads of one operator (default: ONNX Runtime's choice)")
    .option('--precision <name>', PRECISION_HELP, 'auto')
    .option('--shard <i/n>', 'run this share of the seeds and folds, from 0/n to (n-1)/n, and write no report')
    .option(
      '--merge [folders...]',
      'train nothing: put the stages of these folders beside those of --out, write the report',
    )
    .option('--dry-run', 'say what would run, and what is done')
    .option(
      '--export <model=tier,...>',
      'train nothing: write finished models as tiers (teacher, balanced, fast) of --family',
    )
    .option('--family <folder>', 'where the family of --export goes')
    .action(async (flags: StudyFlags) => {
      const { runStudyCommand } = await import('./run-study.js')
      await runStudyCommand(flags)
    })
}
