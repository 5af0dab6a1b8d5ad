import type { Command } from 'commander'
import type { ExplainFlags } from './run-explain.js'

/** `lextier explain` */
export function addExplain(program: Command): void {
  program
    .command('explain')
    .description('add explain.onnx (Integrated Gradients) to every tier of a family that was exported without')
    .requiredOption('--family <folder>', 'the family')
    .option('--data <file>', 'CSV or JSONL file whose first texts it is checked on (default: the family’s description)')
    .option('--text-column <name>', 'the column of --data with the texts', 'text')
    .action(async (flags: ExplainFlags) => {
      const { runExplain } = await import('./run-explain.js')
      await runExplain(flags)
    })
}
