/** `npm run bench -- NAME [options]`. A bench's file is imported when it runs. */
import { Command } from 'commander'
import { runProgram } from './run-program.js'

const program = new Command('bench').description(
  'Measurements of lextier, printed as a table and as JSON (docs/benchmarks.md)',
)

/** What every bench of the server takes. @param seconds the default of --seconds, and what it is of */
function serverBench(
  name: string,
  description: string,
  seconds: { initial: string; of: string },
  provider = 'auto',
): Command {
  return program
    .command(name)
    .description(description)
    .option('--models <folder>', 'folder of families (default: the bundled ones)')
    .option('--family <name>', 'which family (default: the first by name)')
    .option('--provider <name>', 'auto, cpu, cuda or webgpu', provider)
    .option('--variant <name>', "form of the models, as lextier serve takes it (default: the server's choice)")
    .option('--max-batch-tokens <count>', "tokens of one batch, padding included (default: the server's choice)")
    .option('--data <file>', 'CSV, TSV or JSONL of real texts (default: synthetic texts of the same lengths)')
    .option('--text-column <name>', 'column of the texts', 'facts')
    .option('--texts <count>', 'at most so many texts, drawn at random', '512')
    .option('--seconds <count>', seconds.of, seconds.initial)
    .option('--seed <number>', 'of texts, arrivals and budgets', '1')
    .option('--server-cpus <list>', 'CPUs of the server alone, such as 0-3; the load comes from the others (taskset)')
    .option('--json <file>', 'write the result as JSON too; - for stdout, the table then goes to stderr')
}

function withGenerators(command: Command): Command {
  return command.option(
    '--generators <count>',
    'threads that send; auto: 1, from 8 CPUs on a quarter of them, up to 6',
    'auto',
  )
}

/** Of benches that measure one server for long. */
function measuredBench(...asked: Parameters<typeof serverBench>): Command {
  return serverBench(...asked)
    .option('--server-options <options>', 'further options of lextier serve, such as "--api-processes 4"')
    .option('--warm-up <seconds>', 'of load on the quickest tier before anything is measured', '2')
}

function withTextsPerRequest(command: Command): Command {
  return command.option('--texts-per-request <count>', 'of every request, up to 64', '1')
}

function withEngines(command: Command): Command {
  return command
    .option('--engines <count>', "inference processes (default: the server's choice)")
    .option('--threads <count>', "threads of each (default: the server's choice)")
}

const CONNECTIONS = 'closed-loop connections to try (default: enough for full batches)'

withTextsPerRequest(
  withGenerators(
    withEngines(
      measuredBench(
        'serve',
        'the real server under load: capacity beside bare session.run, then latency and budgets at open-loop load',
        { initial: '10', of: 'of each open-loop phase; other phases are shares of it' },
      ),
    ),
  ),
)
  .option('--load <shares>', 'open-loop loads as shares of the measured capacity', '0.5,0.8')
  .option('--budgets <ms>', 'latency budgets that requests draw from (default: multiples of idle latencies)')
  .option('--connections <counts>', CONNECTIONS)
  .action(async (flags) => {
    const { runServeBench } = await import('./serve.js')
    await runServeBench(flags)
  })

withTextsPerRequest(
  withGenerators(
    withEngines(
      measuredBench('overhead', 'served throughput at saturation over bare session.run on the same cores, in rounds', {
        initial: '10',
        of: 'a round of a tier serves for 0.48 of it and runs bare for about 0.8 of it',
      }),
    ),
  ),
)
  .option('--rounds <count>', 'of each tier; served and bare take turns', '3')
  .option('--tiers <names>', 'which tiers, comma-separated (default: all)')
  .option('--connections <counts>', CONNECTIONS)
  .action(async (flags) => {
    const { runOverheadBench } = await import('./overhead.js')
    await runOverheadBench(flags)
  })

withGenerators(
  withEngines(
    measuredBench('budget', "mixed latency budgets under load: lextier's routing beside fixed choices of tier", {
      initial: '10',
      of: 'of each policy at each load; other phases are shares of it',
    }),
  ),
)
  .option('--load <shares>', 'open-loop loads as shares of the capacity under these budgets', '0.5,0.8,1')
  .option('--budgets <ms>', 'latency budgets that requests draw from', '10,25,50,100,250')
  .option('--splits <levels>', 'static splits, 0 always the quickest tier, 1 always the most accurate', '0.1,0.25,0.5')
  .option('--connections <counts>', CONNECTIONS)
  .action(async (flags) => {
    const { runBudgetBench } = await import('./budget.js')
    await runBudgetBench(flags)
  })

serverBench('peers', 'lextier beside other servers with the same model, cores and load; installs them where it can', {
  initial: '10',
  of: 'of each open loop; other phases are shares of it',
})
  .option('--tier <name>', 'which tier all serve', 'fast')
  .option(
    '--peers <names>',
    'of litserve, bentoml, mlserver, infinity (5 GB to install), transformers-js; or none',
    'litserve,bentoml,mlserver,transformers-js',
  )
  .option('--layouts <list>', 'WORKERSxTHREADS to try (default: one worker with all CPUs, and one worker a CPU)')
  .option('--batches <counts>', 'largest batches to try; lextier chooses its own', '1,8')
  .option('--limit <ms>', 'p99 that goodput is measured at', '100')
  .option('--trials <count>', 'open loops of the search for the goodput', '5')
  .option('--connections <count>', 'of the closed loops', '32')
  .option('--install-folder <folder>', 'where peers are installed (default: .cache/bench-peers)')
  .action(async (flags) => {
    const { runPeersBench } = await import('./peers.js')
    await runPeersBench(flags)
  })

withEngines(
  measuredBench('reload', 'what callers of one family see while another is reloaded', {
    initial: '10',
    of: 'of a quiet time; as many reloads follow as there are rounds',
  }),
)
  .option('--tier <name>', 'which tier is asked', 'fast')
  .option('--load <share>', 'of the capacity', '0.3')
  .option('--rounds <count>', 'quiet times and reloads, in turn', '5')
  .action(async (flags) => {
    const { runReloadBench } = await import('./reload.js')
    await runReloadBench(flags)
  })

withGenerators(
  measuredBench('scale', 'throughput against the number of engines, and what one routing decision costs', {
    initial: '10',
    of: 'each tier of each layout is measured for 0.48 of it',
  }),
)
  .option('--engines <counts>', 'layouts to measure: inference processes', '1,2')
  .option('--threads <count>', 'threads of each', '1')
  .option('--connections <counts>', CONNECTIONS)
  .action(async (flags) => {
    const { runScaleBench } = await import('./scale.js')
    await runScaleBench(flags)
  })

withEngines(
  serverBench('start', 'time to ready with an empty and with a filled cache of model variants, and memory', {
    initial: '5',
    of: 'of requests before memory is read once more',
  }),
)
  .option('--starts <count>', 'with each kind of cache', '3')
  .action(async (flags) => {
    const { runStartBench } = await import('./start.js')
    await runStartBench(flags)
  })

withTextsPerRequest(
  withGenerators(
    withEngines(
      measuredBench(
        'gpu',
        'one request beside bare session.run, packed throughput beside PyTorch, and the rate that keeps a p99',
        { initial: '8', of: 'of each open loop; other phases are shares of it' },
        'cuda',
      ),
    ),
  ),
)
  .option('--tier <name>', 'which tier', 'teacher')
  .option('--architecture <name>', 'random weights of this shape in place of the tier: bert-base, for instance')
  .option(
    '--python <program>',
    'a Python that has PyTorch and transformers; without them that part is skipped',
    'python3',
  )
  .option('--ceiling <TFLOP/s>', 'matrix products that the device reaches (790: half precision, one H200)', '790')
  .option('--limit <ms>', 'p99 that the open loop must keep', '130')
  .option('--trials <count>', 'open loops of the search for the highest rate', '5')
  .option('--connections <counts>', CONNECTIONS)
  .action(async (flags) => {
    const { runGpuBench } = await import('./gpu.js')
    await runGpuBench(flags)
  })

program
  .command('train')
  .description('sequences a second of a full training step, with the engine that lextier train uses')
  .option('--device <name>', 'auto, cpu, cuda, webgpu, or tfjs:NAME for an installed tfjs backend', 'auto')
  .option('--architectures <names>', 'as lextier architectures lists them', 'custom-2x384')
  .option('--batch-sizes <counts>', 'sequences of a step', '8')
  .option('--tokens <count>', 'of each sequence', '256')
  .option('--steps <count>', 'timed in one call', '4')
  .option('--threads <count>', "CPU threads (default: ONNX Runtime's choice)")
  .option('--precision <name>', 'float32, or float16: mixed precision', 'float32')
  .option('--json <file>', 'write the result as JSON too; - for stdout, the table then goes to stderr')
  .action(async (flags) => {
    const { benchTraining } = await import('./training/train-result.js')
    await benchTraining(flags)
  })

await runProgram(program)
