import type { Command } from 'commander'
import type { EvaluateFlags } from './run-evaluation.js'

/** `lextier evaluate` */
export function addEvaluate(program: Command): void {
  program
    .command('evaluate')
    .description(
      'measure a family on labelled texts: accuracy, macro-F1, AUC, NLL, Brier, ECE beside the majority baseline',
    )
    .requiredOption('--family <folder>', 'the family')
    .requiredOption('--data <file>', 'CSV or JSONL file')
    .requiredOption('--text-column <name>', 'the column with the texts')
    .requiredOption('--label-column <name>', 'the column with the labels')
    .option('--label-map <pairs>', 'raw value to label, as in TRUE=wins,FALSE=loses')
    .option('--tier <name>', 'teacher, balanced, fast or all', 'all')
    .option('--threads <count>', "CPU threads (default: ONNX Runtime's choice)")
    .option('--json', 'print JSON')
    .action(async (flags: EvaluateFlags) => {
      const { runEvaluation } = await import('./run-evaluation.js')
      await runEvaluation(flags)
    })
}
