import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { getPriority } from 'node:os'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { childExecArgv, ENGINE_FILE } from '../../src/serving/engine.js'
import { EnginePool, type EnginePoolOptions } from '../../src/serving/engine-pool.js'
import { leftMs } from '../../src/serving/engine-slot.js'
import { startGate } from '../../src/serving/start-gate.js'

const SCRIPTED = fileURLToPath(new URL('./fixtures/scripted-engine.mjs', import.meta.url))
const ANSWERS = 0
const DIES = 1
const HANGS = 2
const FAILS = 3
const WIDTH = 4
const THREADS_THAT_FAIL_TO_LOAD = 13
const THREADS_WHOSE_SECOND_PROCESS_FAILS = 14

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const batchOf = (behaviour: number, length = 4) => ({
  family: 'tiny',
  tier: 'fast' as const,
  sequences: [new Int32Array(length).fill(behaviour), new Int32Array(2 * length).fill(behaviour)],
})

async function withPool(
  options: Partial<EnginePoolOptions> & { threads?: number; onlyWhenIdle?: boolean },
  use: (pool: EnginePool, deaths: string[], until: (condition: () => boolean) => Promise<void>) => Promise<void>,
) {
  const deaths: string[] = []
  const pool = new EnginePool(
    {
      engines: 1,
      lane: 'all',
      devices: 1,
      file: SCRIPTED,
      stallTimeoutMs: 60_000,
      log: silent,
      load: {
        families: [],
        provider: 'cpu',
        variant: 'portable',
        threads: options.threads ?? 1,
        niceness: 5,
        awakeMs: 0,
        maxBatchTokens: 64,
        ...(options.onlyWhenIdle && { onlyWhenIdle: true }),
      },
      ...options,
    },
    { tierLoaded() {}, tierFailed() {}, capacity() {}, died: (reason) => void deaths.push(reason) },
  )
  const until = async (condition: () => boolean) => {
    for (let waited = 0; !condition(); waited += 10) {
      assert.ok(waited < 20_000, 'waited in vain')
      await delay(10)
    }
  }
  try {
    await use(pool, deaths, until)
  } finally {
    await pool.stop()
  }
}

test('a batch comes back as one row of logits a sequence', () =>
  withPool({}, async (pool, _, until) => {
    await until(() => pool.idle() === 1)
    const result = await pool.run(batchOf(ANSWERS), 1)
    assert.deepEqual(
      result.logits.map((row) => [...row]),
      [
        [4, -4],
        [8, -8],
      ],
    )
  }))

test('a busy engine takes no other batch, and says how long it expects to be busy', () =>
  withPool({}, async (pool, _, until) => {
    await until(() => pool.idle() === 1)
    assert.deepEqual(pool.busyMs(performance.now()), [0])
    const running = pool.run(batchOf(ANSWERS), 1_000)
    assert.equal(pool.idle(), 0)
    const [busyMs] = pool.busyMs(performance.now())
    assert.ok(busyMs! > 500 && busyMs! <= 1_000)
    await assert.rejects(pool.run(batchOf(ANSWERS), 1), { code: 'ENGINE_FAILED' })
    await running
  }))

test('a batch that is long overdue is expected to take as long again, and what waits behind it too', () => {
  const running = { sinceMs: 1_000, expectedMs: 20, width: 'wide' } as const
  const left = (nowMs: number) => leftMs({ batches: [{ ...running }] }, nowMs)
  assert.deepEqual([left(1_005), left(1_019), left(1_040), left(1_041), left(1_520)], [15, 2, 2, 21, 500])
  assert.equal(leftMs({ batches: [{ ...running }, { ...running, expectedMs: 7 }] }, 1_520), 507)
  assert.equal(leftMs({ batches: [] }, 1_520), 0)
})

test('an engine that is soon done takes one batch more, which runs after the first and does not count the wait as its own', () =>
  withPool({}, async (pool, _, until) => {
    await until(() => pool.idle() === 1)
    const first = pool.run(batchOf(ANSWERS), 2)
    assert.equal(pool.idle(), 1)
    const second = pool.run(batchOf(ANSWERS, 6), 500)
    assert.equal(pool.idle(), 0)
    const [busyMs] = pool.busyMs(performance.now())
    assert.ok(busyMs! > 500 && busyMs! <= 502)
    await assert.rejects(pool.run(batchOf(ANSWERS), 1), { code: 'ENGINE_FAILED' })
    const results = await Promise.all([first, second])
    assert.deepEqual(
      results.map(({ logits }) => logits[0]![0]),
      [4, 6],
    )
    assert.equal(results[0].waitedMs, 0)
    assert.ok(results[1].waitedMs >= 0)
    assert.equal(pool.idle(), 1)
    assert.deepEqual(pool.busyMs(performance.now()), [0])
  }))

test('where many wait, an engine takes several short batches before, and is busy for all of them', () =>
  withPool({ engines: 2 }, async (pool, _, until) => {
    await until(() => pool.idle() === 2)
    const runs = Array.from({ length: 4 }, () => pool.run(batchOf(ANSWERS), 2))
    assert.equal(pool.idle(), 0)
    assert.equal(pool.idle(1_000), 2)
    assert.ok(pool.busyMs(performance.now()).every((ms) => ms > 2 && ms <= 4))
    runs.push(pool.run(batchOf(ANSWERS, 6), 500))
    assert.equal(pool.idle(1_000), 1)
    const results = await Promise.all(runs)
    assert.deepEqual(
      results.map(({ logits }) => logits[0]![0]),
      [4, 4, 4, 4, 6],
    )
    assert.equal(pool.idle(), 2)
  }))

test('an engine that is held up is given nothing more, however many wait', () =>
  withPool({}, async (pool, _, until) => {
    await until(() => pool.idle() === 1)
    const held = pool.run(batchOf(HANGS), 1)
    assert.equal(pool.idle(1_000), 1)
    await delay(60)
    assert.equal(pool.idle(), 0)
    assert.equal(pool.idle(1_000), 0)
    process.kill(pool.pids[0]!, 'SIGKILL')
    await assert.rejects(held, { code: 'ENGINE_FAILED' })
  }))

test('an engine that runs nothing is given a batch before one that is soon done', () =>
  withPool({ engines: 2 }, async (pool, _, until) => {
    await until(() => pool.idle() === 2)
    const short = pool.run(batchOf(ANSWERS), 2)
    const long = pool.run(batchOf(ANSWERS), 1_000)
    assert.equal(pool.idle(), 1)
    assert.equal((await long).waitedMs, 0)
    await short
  }))

test('an engine that dies fails what it ran and what waited in it', () =>
  withPool({}, async (pool, _, until) => {
    await until(() => pool.idle() === 1)
    const both = [pool.run(batchOf(DIES), 1), pool.run(batchOf(ANSWERS), 1)]
    for (const run of await Promise.allSettled(both)) assert.equal(run.status, 'rejected')
    await until(() => pool.idle() === 1)
    await pool.run(batchOf(ANSWERS), 1)
  }))

test('a death rejects the batch with its signal, and a new engine takes the place', () =>
  withPool({}, async (pool, deaths, until) => {
    await until(() => pool.idle() === 1)
    const [first] = pool.pids
    await assert.rejects(pool.run(batchOf(DIES), 1), { code: 'ENGINE_FAILED', message: /SIGKILL/ })
    assert.equal(pool.idle(), 0)
    await until(() => pool.idle() === 1)
    assert.notEqual(pool.pids[0], first)
    assert.deepEqual(deaths, ['signal SIGKILL'])
    await pool.run(batchOf(ANSWERS), 1)
  }))

test('an engine that hangs is killed, and its batch rejected', () =>
  withPool({ stallTimeoutMs: 50 }, async (pool, deaths, until) => {
    await until(() => pool.idle() === 1)
    await assert.rejects(pool.run(batchOf(HANGS), 1), { code: 'ENGINE_FAILED', message: /SIGKILL/ })
    await until(() => pool.idle() === 1)
    assert.equal(deaths.length, 1)
  }))

test('a failed batch is rejected without its engine, and without its reason, which may hold paths', () =>
  withPool({}, async (pool, deaths, until) => {
    await until(() => pool.idle() === 1)
    await assert.rejects(pool.run(batchOf(FAILS), 1), (error: Error) => !error.message.includes('out of memory'))
    assert.equal(pool.idle(), 1)
    assert.deepEqual(deaths, [])
  }))

test('with a second engine work goes on while the first comes back', () =>
  withPool({ engines: 2 }, async (pool, _, until) => {
    await until(() => pool.idle() === 2)
    await assert.rejects(pool.run(batchOf(DIES), 1))
    assert.equal(pool.serving, 1)
    await pool.run(batchOf(ANSWERS), 1)
  }))

test('an engine that cannot load is hopeless after some tries, and the last thing it wrote is the reason', () =>
  withPool({ threads: THREADS_THAT_FAIL_TO_LOAD }, async (pool, deaths, until) => {
    assert.equal(pool.hopeless, false)
    await until(() => pool.hopeless)
    assert.equal(deaths.length, 3)
    assert.match(pool.lastDeath!, /exit code 3.*libexample\.so\.13/)
  }))

test('an inference process has a lower priority than the API and leaves when its parent is killed', async () => {
  const parent = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      '--eval',
      `const { fork } = require('node:child_process')
       const child = fork(${JSON.stringify(ENGINE_FILE)}, [], { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'] })
       child.on('message', ({ type }) => type === 'ready' && console.log(child.pid))
       child.send({ type: 'load', families: [], provider: 'cpu', threads: 1, niceness: 7, maxBatchTokens: 64 })`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const [line] = (await parent.stdout.take(1).toArray()) as Buffer[]
  const pid = Number(line)
  assert.equal(getPriority(pid), 7)
  process.kill(pid, 'SIGTERM')
  process.kill(pid, 'SIGINT')
  await delay(50)
  assert.ok(process.kill(pid, 0), 'a signal meant for the group does not end it')
  parent.kill('SIGKILL')
  for (let waited = 0; isAlive(pid); waited += 10) {
    assert.ok(waited < 10_000, 'the engine outlived its parent')
    await delay(10)
  }
})

test('an engine has its lower priority before it does anything itself', () => {
  const pids: number[] = []
  const log = { ...silent, info: ({ pid }: { pid?: number }) => void (pid && pids.push(pid)) }
  return withPool({ log }, async (_pool, _deaths, until) => {
    await until(() => pids.length > 0)
    // the stand-in never sets it
    assert.equal(getPriority(pids[0]!), 5)
  })
})

test('children get the loaders of their parent, not its debugger nor its test runner', () => {
  const parent = ['--import', 'tsx', '--inspect-brk=9229', '--test', '--require=./a.cjs', '--eval', 'go()']
  assert.deepEqual(childExecArgv(parent, '/x/engine-process.ts'), ['--import', 'tsx', '--require=./a.cjs'])
  assert.deepEqual(childExecArgv([], '/x/engine-process.ts'), ['--import', 'tsx'])
  assert.deepEqual(childExecArgv([], '/x/engine-process.js'), [])
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('behind a gate engines start one after the other, and one that dies meanwhile lets the next one start', () =>
  withPool({ engines: 3, gate: startGate(2) }, async (pool, deaths, until) => {
    await until(() => pool.pids.length === 1)
    process.kill(pool.pids[0]!, 'SIGKILL')
    let most = 0
    await until(() => {
      most = Math.max(most, pool.pids.length - pool.serving)
      return pool.serving === 3
    })
    assert.equal(deaths.length, 1)
    // the one that starts again does not wait for its turn
    assert.ok(most <= 2, `${most} at once`)
  }))

test('a pool that is stopped lets others through the gate and starts no more', async () => {
  const gate = startGate(2)
  await withPool({ engines: 2, gate }, async (pool, _, until) => {
    await until(() => pool.pids.length === 1)
  })
  await gate(async () => {})
})

const waiting = (sequences: number) => ({ sequences, expectsMore: false, load: 0.1, stretch: 1.6 })
const narrow = (behaviour: number, length?: number) => ({ ...batchOf(behaviour, length), width: 'narrow' as const })

test('a pair runs one batch on all of its threads, or two on half of them', () =>
  withPool({ paired: true, threads: 2 }, async (pool, _, until) => {
    await until(() => pool.warm)
    assert.equal(pool.idle(), 2)
    assert.equal(pool.nextWidth(waiting(1)), 'wide')
    assert.equal(pool.nextWidth(waiting(9)), 'narrow')
    const wide = pool.run(batchOf(ANSWERS), 1_000)
    assert.equal(pool.idle(), 0)
    assert.equal(pool.busyMs(performance.now()).length, 2)
    assert.ok(pool.busyMs(performance.now()).every((ms) => ms > 500))
    await assert.rejects(pool.run(narrow(ANSWERS), 1), { code: 'ENGINE_FAILED' })
    await wide
    const first = pool.run(narrow(ANSWERS), 1_000)
    assert.equal(pool.idle(), 1)
    assert.equal(pool.nextWidth(waiting(1)), 'narrow')
    assert.deepEqual(
      pool.busyMs(performance.now(), 'wide').map((ms) => ms > 500),
      [true],
    )
    await assert.rejects(pool.run(batchOf(ANSWERS), 1), { code: 'ENGINE_FAILED' })
    const second = pool.run(narrow(ANSWERS), 1_000)
    assert.equal(pool.idle(), 0)
    await Promise.all([first, second])
    assert.equal(pool.idle(), 2)
  }))

test('what a pair has before the end of two narrow runs is narrow too, whether or not that pays', () =>
  withPool({ paired: true, threads: 2 }, async (pool, _, until) => {
    await until(() => pool.warm)
    const runs = [pool.run(narrow(ANSWERS), 20), pool.run(narrow(ANSWERS), 20)]
    const many = { ...waiting(100), stretch: 3 }
    assert.equal(pool.idle(), 0)
    assert.equal(pool.idle(many.sequences), 2)
    assert.equal(pool.nextWidth(many), 'narrow')
    runs.push(pool.run(narrow(ANSWERS), 20))
    assert.equal(pool.idle(many.sequences), 1)
    await Promise.all(runs)
  }))

test('a batch arrives with its width', () =>
  withPool({ paired: true, threads: 2 }, async (pool, _, until) => {
    await until(() => pool.warm)
    const wide = await pool.run(batchOf(WIDTH), 1_000)
    const half = await pool.run(narrow(WIDTH), 1_000)
    assert.deepEqual([wide.logits[0]![0], half.logits[0]![0]], [2, 1])
  }))

test('a pair whose second process is gone runs wide however many wait; one whose first is gone runs on half', () =>
  withPool({ paired: true, threads: 2 }, async (pool, _, until) => {
    await until(() => pool.warm)
    const busy = pool.run(narrow(HANGS), 1_000)
    const dying = pool.run(narrow(DIES), 1_000)
    await assert.rejects(dying)
    process.kill(pool.pids[0]!, 'SIGKILL')
    await assert.rejects(busy)
    await until(() => pool.serving === 2)
    const gone = pool.run(batchOf(DIES), 1_000)
    await assert.rejects(gone)
    assert.equal(pool.serving, 1)
    assert.equal(pool.nextWidth(waiting(1)), 'narrow')
    assert.equal((await pool.run(narrow(WIDTH), 1)).logits[0]![0], 1)
  }))

test('engines that start beside others are to be gentle, but not one that is missed, nor those that give way anyway', async () => {
  const lines: unknown[] = []
  const log = { ...silent, debug: ({ line }: { line?: string }) => void lines.push(line) }
  await withPool({ log }, (pool, _, until) => until(() => pool.serving === 1))
  await withPool({ log, gate: startGate(2), onlyWhenIdle: true }, (pool, _, until) => until(() => pool.serving === 1))
  assert.deepEqual(lines, [])
  await withPool({ log, gate: startGate(2) }, async (pool, deaths, until) => {
    await until(() => pool.serving === 1 && lines.length === 1)
    process.kill(pool.pids[0]!, 'SIGKILL')
    await until(() => deaths.length === 1 && pool.serving === 1)
  })
  assert.deepEqual(lines, ['gentle'])
})

test('a pair whose second process cannot be started is ready with its first, and runs wide', () =>
  withPool({ paired: true, threads: THREADS_WHOSE_SECOND_PROCESS_FAILS }, async (pool, deaths, until) => {
    await until(() => pool.serving === 1)
    assert.equal(pool.warm, false)
    await until(() => pool.warm)
    assert.equal(deaths.length, 3)
    assert.equal(pool.hopeless, false)
    assert.equal(pool.nextWidth(waiting(9)), 'wide')
    assert.equal((await pool.run(batchOf(WIDTH), 1)).logits[0]![0], 2)
  }))
