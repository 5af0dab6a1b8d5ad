import type { Command } from 'commander'
import type { PredictFlags } from './run-prediction.js'

/** `lextier predict` */
export function addPredict(program: Command): void {
  program
    .command('predict')
    .description('predict a file of texts, one JSON object a line')
    .requiredOption('--family <folder>', 'the family')
    .requiredOption('--input <file>', 'JSONL, one object with a text a line; - reads standard input')
    .option('--output <file>', 'JSONL, one answer a line in the order of the input; - writes standard output', '-')
    .option('--tier <name>', 'teacher, balanced or fast', 'teacher')
    .option('--text-field <name>', 'the field that holds the text', 'text')
    .option('--threads <count>', "CPU threads (default: ONNX Runtime's choice)")
    .action(async (flags: PredictFlags) => {
      const { runPrediction } = await import('./run-prediction.js')
      await runPrediction(flags)
    })
}
