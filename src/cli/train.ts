import type { Command } from 'commander'
import { PRECISION_HELP } from './precision-option.js'
import type { TrainFlags } from './run-training.js'

/** `lextier train` */
export function addTrain(program: Command): void {
  program
    .command('train')
    .description('fine-tune a teacher on labelled texts, distil students from it, write the family')
    .option('--config <file>', 'training configuration, YAML or JSON')
    .option('--preset <name>', 'a configuration that ships with lextier: scotus-outcome, scotus-issue or smoke')
    .option('--data <file>', 'CSV or JSONL file; wins over data.path')
    .option('--base <folder>', 'pre-trained BERT or DistilBERT folder, or hf:owner/name; wins over teacher.base')
    .option('--out <folder>', 'where the family goes (default: runs/<name>-<time>); the run is kept in <out>.run')
    .option('--device <name>', 'auto, cpu, cuda, webgpu, or tfjs:NAME for an installed tfjs backend', 'auto')
    .option('--threads <count>', "CPU threads of one operator (default: ONNX Runtime's choice)")
    .option('--precision <name>', PRECISION_HELP, 'auto')
    .option('--resume', 'continue the run of --out where it stopped')
    .action(async (flags: TrainFlags) => {
      const { runTraining } = await import('./run-training.js')
      await runTraining(flags)
    })
}
