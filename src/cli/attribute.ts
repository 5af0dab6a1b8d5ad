import type { Command } from 'commander'
import type { AttributeFlags } from './run-attribution.js'

/** `lextier attribute` */
export function addAttribute(program: Command): void {
  program
    .command('attribute')
    .description('show which tokens of a text speak for a label and which against it (Integrated Gradients)')
    .requiredOption('--family <folder>', 'the family; see lextier explain if it has no explain.onnx')
    .requiredOption('--text <text>', 'the text; - reads standard input')
    .option('--tier <name>', 'teacher, balanced or fast', 'teacher')
    .option('--label <name>', 'the label to explain (default: the most likely one)')
    .option('--threads <count>', "CPU threads (default: ONNX Runtime's choice)")
    .option('--json', 'print JSON')
    .action(async (flags: AttributeFlags) => {
      const { runAttribution } = await import('./run-attribution.js')
      await runAttribution(flags)
    })
}
