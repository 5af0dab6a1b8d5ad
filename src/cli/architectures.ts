import type { Command } from 'commander'

/** `lextier architectures` */
export function addArchitectures(program: Command): void {
  program
    .command('architectures')
    .description('list the named encoder architectures with their parameters counted')
    .option('--json', 'print JSON: name, layers, hidden_size, heads, intermediate_size, parameters')
    .action(async ({ json }: { json?: boolean }) => {
      const { describeArchitectures } = await import('../family/architectures.js')
      const rows = describeArchitectures().map(({ name, layers, hiddenSize, heads, intermediateSize, parameters }) => ({
        name,
        layers,
        hidden_size: hiddenSize,
        heads,
        intermediate_size: intermediateSize,
        parameters,
      }))
      if (json) console.log(JSON.stringify(rows, null, 2))
      else console.table(rows)
    })
}
