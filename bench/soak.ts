/** `npm run soak`: hours of load on the real server, to see whether it leaks or fails. */
import { Command } from 'commander'
import { runProgram } from './run-program.js'

const program = new Command('soak')
  .description('Keep the real server under load; fails when its memory grows or a request is lost or has an error')
  .option('--minutes <count>', 'how long', '60')
  .option('--models <folder>', 'folder of families (default: the bundled ones)')
  .option('--family <name>', 'one family (default: all; with --overload the first by name)')
  .option('--load <share>', 'of what the server can do, measured first', '0.3')
  .option('--reloads <count>', 'families reloaded in turn, over the first half of the time', '6')
  .option('--engines <count>', "inference processes (default: the server's choice)")
  .option('--threads <count>', "threads of each (default: the server's choice)")
  .option('--server-options <options>', 'further options of lextier serve, such as "--api-processes 4"')
  .option('--json <file>', 'write the result as JSON; - for stdout')
  .option('--overload <times>', 'offer so many times what the server can do, measured first, and see what it keeps up')
  .option('--server-cpus <list>', 'CPUs of the server alone, such as 0-3; the load comes from the others (taskset)')
  .option(
    '--generators <count>',
    'with --overload: threads that send; auto: 1, from 8 CPUs on a quarter of them, up to 6',
    'auto',
  )
  .option('--connections <count>', 'with --overload: of the closed loop that finds what the server can do', '16')
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

await runProgram(program)
