/**
 * A generator thread: sends its share of a load. It does not use answerCalls, which lowers the thread's priority: a generator
 * that is late would measure itself.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Call, Outcome } from '../../src/threads/answer-calls.js'
import { sharedClockOffsetMs } from '../../src/threads/shared-clock.js'
import { createRandom } from '../../training/random.js'
import type { GeneratorSettings, ThreadCommand, ThreadReport } from './generator-threads.js'
import { type ClosedLoad, localGenerator, type OpenLoad } from './load-generator.js'
import { packObservations } from './pack-observations.js'
import { createPredictClient } from './predict-client.js'

const { origin, family, timeoutMs, bodies, seed, index } = workerData as GeneratorSettings
const generator = localGenerator(
  createPredictClient(origin, family, timeoutMs),
  bodies.map((body) => Buffer.from(body)),
  createRandom(seed).fork(`load ${index}`),
)
let load: ClosedLoad | OpenLoad | undefined

async function obey(command: ThreadCommand): Promise<ThreadReport> {
  if (command.type === 'load') {
    load = command.load
    return undefined
  }
  const offsetMs = sharedClockOffsetMs()
  const startMs = command.startMs - offsetMs
  if ('connections' in load!) {
    return packObservations((await generator.closedLoop(load, startMs)).observations, offsetMs)
  }
  return packObservations(await generator.openLoop(load!, startMs), offsetMs)
}

async function answer({ id, argument }: Call<ThreadCommand>): Promise<void> {
  const result = await obey(argument)
  const transfer = result === undefined ? [] : [result.numbers.buffer, result.kindOf.buffer]
  parentPort!.postMessage({ id, result } satisfies Outcome<ThreadReport>, transfer)
}

// nothing in it fails: errors of requests are outcomes. What does is a bug, and ends the thread
parentPort!.on('message', (call: Call<ThreadCommand>) => void answer(call))
