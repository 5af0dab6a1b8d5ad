/** `npm run soak`: hours of load on the real server, to see whether it leaks or fails. */
import { Command } from 'commander'
import { isLextierError } from '../src/errors.js'

const program = new Command('soak')
  .description('Keep the real server under load; fails when its memory grows or a request has an error')
  .option('--minutes <count>', 'how long', '60')
  .option('--models <folder>', 'folder of families (default: the bundled ones)')
  .option('--family <name>', 'which family (default: the first by name)')
  .option('--connections <count>', 'requests in flight', '4')
  .option('--engines <count>', "inference processes (default: the server's choice)")
  .option('--threads <count>', "threads of each (default: the server's choice)")
  .option('--overload <times>', 'offer so many times what the server can do, measured first, and see what it keeps up')
  .option('--tier <name>', 'with --overload: the tier that is asked for', 'teacher')
  .action(async (flags) => {
    if (flags.overload !== undefined) {
      const { runOverload } = await import('./soak/run-overload.js')
      process.exitCode = (await runOverload(flags)) ? 0 : 1
      return
    }
    const { runSoak } = await import('./soak/run-soak.js')
    process.exitCode = (await runSoak(flags)) ? 0 : 1
  })

// an interrupted soak takes its server along, which ends in the handlers of exit
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(isLextierError(error) ? `${error.code}: ${error.message}\n` : `${(error as Error).stack}\n`)
  process.exitCode = 1
}
