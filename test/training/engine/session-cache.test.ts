import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SessionCache } from '../../../training/engine/session-cache.js'

const model = (name: string) => new TextEncoder().encode(name)

/** Programs that answer with their model's name; `failing` of them refuse to run, `full` refuses to compile beside others. */
function recording(capacity: number, { failing = new Set<string>(), full = false, scarce = false } = {}) {
  const log: string[] = []
  let live = 0
  const cache = new SessionCache<string, string>({
    capacity,
    scarce: () => scarce,
    compile: async (bytes) => {
      const name = new TextDecoder().decode(bytes)
      if (full && live > 0) throw new Error('out of memory')
      log.push(`compile ${name}`)
      live++
      return {
        run: async (feeds) => {
          if (failing.has(name)) throw new Error(`${name} is lost`)
          return `${name} of ${feeds}`
        },
        release: async () => {
          live--
          log.push(`release ${name}`)
        },
      }
    },
  })
  const use = async (name: string) => {
    const program = await cache.borrow(model(name))
    const answer = await program.run('x')
    await program.release()
    return answer
  }
  return { cache, log, use }
}

test('an equal model is compiled once, whether its program is in use or was handed back', async () => {
  const { cache, log } = recording(2)
  const [first, second] = await Promise.all([cache.borrow(model('a')), cache.borrow(model('a'))])
  assert.deepEqual([await first.run('x'), await second.run('y')], ['a of x', 'a of y'])
  await first.release()
  await second.release()
  const third = await cache.borrow(model('a'))
  assert.equal(await third.run('z'), 'a of z')
  assert.deepEqual(log, ['compile a'])
  assert.equal(cache.compilations, 1)
})

test('models that differ, or whose outputs stay in different places, share nothing', async () => {
  const { cache, log } = recording(4)
  await cache.borrow(model('a'))
  await cache.borrow(model('b'))
  await cache.borrow(model('a'), ['y'])
  assert.deepEqual(log, ['compile a', 'compile b', 'compile a'])
  assert.equal(cache.compilations, 3)
})

test('the least recently used idle program makes room before a new one is compiled', async () => {
  const { log, use } = recording(2)
  for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) await use(name)
  assert.deepEqual(log, ['compile a', 'compile b', 'release b', 'compile c', 'release c', 'compile b'])
})

test('programs in use stay beyond the capacity, and none is kept idle until they are handed back', async () => {
  const { cache, log, use } = recording(2)
  const held = [await cache.borrow(model('a')), await cache.borrow(model('b'))]
  assert.equal(await use('c'), 'c of x')
  assert.deepEqual(log.slice(3), ['release c'])
  for (const program of held) await program.release()
  await use('a')
  await use('b')
  assert.equal(cache.compilations, 3)
})

test('a program handed back twice is still held by whoever else borrowed it', async () => {
  const { cache, log, use } = recording(1)
  const first = await cache.borrow(model('a'))
  const second = await cache.borrow(model('a'))
  await first.release()
  await first.release()
  await use('b')
  assert.equal(await second.run('x'), 'a of x')
  assert.deepEqual(log, ['compile a', 'compile b', 'release b'])
})

test('a program that failed is compiled anew for the next who wants it', async () => {
  const failing = new Set(['a'])
  const { log, use, cache } = recording(2, { failing })
  const program = await cache.borrow(model('a'))
  await assert.rejects(program.run('x'), /a is lost/)
  failing.clear()
  assert.equal(await use('a'), 'a of x')
  await program.release()
  assert.deepEqual(log, ['compile a', 'compile a', 'release a'])
})

test('a model that is refused is tried again by the next who wants it', async () => {
  let refusals = 1
  const cache = new SessionCache<string, string>({
    capacity: 2,
    compile: async () => {
      if (refusals-- > 0) throw new Error('refused')
      return { run: async (feeds) => feeds, release: async () => {} }
    },
  })
  await assert.rejects(cache.borrow(model('a')), /refused/)
  assert.equal(await (await cache.borrow(model('a'))).run('x'), 'x')
})

test('idle programs give up their memory for one that could not be compiled beside them', async () => {
  const { log, use } = recording(3, { full: true })
  await use('a')
  assert.equal(await use('b'), 'b of x')
  assert.deepEqual(log, ['compile a', 'release a', 'compile b'])
})

test('a run that failed is tried once more without idle programs, which may have held the memory that it lacked', async () => {
  const log: string[] = []
  let idle = 0
  const cache = new SessionCache<string, string>({
    capacity: 3,
    compile: async () => {
      idle++
      return {
        run: async (feeds) => {
          log.push(`run ${feeds}`)
          if (feeds === 'large' && idle > 1) throw new Error('out of memory')
          return feeds
        },
        release: async () => void idle--,
      }
    },
  })
  await (await cache.borrow(model('a'))).release()
  const program = await cache.borrow(model('b'))
  assert.equal(await program.run('large'), 'large')
  assert.deepEqual(log, ['run large', 'run large'])
})

test('a run that is tried once more writes into the same tensors', async () => {
  const written: unknown[] = []
  const cache = new SessionCache<string, { y: string }>({
    capacity: 2,
    compile: async () => ({
      run: async (_feeds, into) => {
        written.push(into)
        if (written.length === 1) throw new Error('out of memory')
        return { y: 'done' }
      },
      release: async () => {},
    }),
  })
  const idle = await cache.borrow(model('idle'))
  await idle.release()
  const program = await cache.borrow(model('a'))
  const into = { y: 'a tensor' }
  assert.deepEqual(await program.run('x', into), { y: 'done' })
  assert.deepEqual(written, [into, into])
})

test('where memory is scarce nothing is kept idle', async () => {
  const { log, use } = recording(4, { scarce: true })
  await use('a')
  await use('a')
  assert.deepEqual(log, ['compile a', 'release a', 'compile a', 'release a'])
})

test('idle programs can be released at any time; those in use stay', async () => {
  const { cache, log, use } = recording(4)
  await use('a')
  const held = await cache.borrow(model('b'))
  assert.equal(await cache.releaseIdle(), 1)
  assert.equal(await held.run('x'), 'b of x')
  assert.deepEqual(log, ['compile a', 'compile b', 'release a'])
})

test('a program with tensors inside is nobody else’s and is freed when it is handed back', async () => {
  const { cache, log } = recording(4)
  const [first, second] = [await cache.compileAlone(model('a')), await cache.compileAlone(model('a'))]
  assert.equal(await second.run('x'), 'a of x')
  await first.release()
  await second.release()
  assert.deepEqual(log, ['compile a', 'compile a', 'release a', 'release a'])
})
