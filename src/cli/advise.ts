import type { Command } from 'commander'
import type { AdviseFlags } from './run-advice.js'

/** `lextier advise` */
export function addAdvise(program: Command): void {
  program
    .command('advise')
    .description('say which approach fits a project: fine-tune a large or small model, or distil')
    .option('--priority <name>', 'maximum_accuracy, deployment_speed, flexibility or balanced', 'balanced')
    .option('--acceptable-accuracy-drop <points>', 'points of accuracy that a smaller model may lose, 0 to 100')
    .option('--compute <level>', 'limited, moderate or plenty', 'moderate')
    .option('--rows <count>', 'labelled examples that there are')
    .option('--json', 'print JSON: approach, reasons')
    .action(async (flags: AdviseFlags) => {
      const { runAdvice } = await import('./run-advice.js')
      runAdvice(flags)
    })
}
