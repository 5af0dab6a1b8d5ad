import type { Command } from 'commander'
import type { ReportFlags } from './run-report.js'

/** `lextier report` */
export function addReport(program: Command): void {
  program
    .command('report')
    .description('make the report page of a study again from its report.json')
    .requiredOption('--from <file>', 'the report.json of a study')
    .requiredOption('--out <file>', 'where the page goes: one HTML file that needs nothing beside it')
    .action(async (flags: ReportFlags) => {
      const { runReport } = await import('./run-report.js')
      await runReport(flags)
    })
}
