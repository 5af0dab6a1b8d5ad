import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatCpuList, parseCpuList } from '../../../bench/host/cpu-list.js'
import { placementLine, planPlacement } from '../../../bench/host/placement.js'
import { onCpus, splitCpus } from '../../../bench/host/split-cpus.js'

const cpuSet = fc
  .uniqueArray(fc.integer({ min: 0, max: 200 }), { minLength: 1 })
  .map((cpus) => cpus.sort((a, b) => a - b))

test('a list of CPUs is read back as it is written', () =>
  fc.assert(fc.property(cpuSet, (cpus) => assert.deepEqual(parseCpuList(formatCpuList(cpus)), cpus))))

test('lists are written as Linux writes them, and what is none is told', () => {
  assert.equal(formatCpuList([0, 1, 2, 5, 7, 8]), '0-2,5,7-8')
  assert.deepEqual(parseCpuList('3,0-1,1'), [0, 1, 3])
  for (const wrong of ['', 'a', '1-', '3-1', '1,,2', '-1', '1.5']) assert.equal(parseCpuList(wrong), undefined, wrong)
})

test('server and generator share no CPU and have all of them together', () =>
  fc.assert(
    fc.property(fc.subarray([0, 1, 2, 3, 8, 9], { minLength: 1, maxLength: 5 }), (server) => {
      const split = splitCpus(formatCpuList(server), [0, 1, 2, 3, 8, 9])
      assert.deepEqual(split.server, server)
      assert.deepEqual([...split.server, ...split.generator].sort(), [0, 1, 2, 3, 8, 9])
      assert.ok(split.generator.length > 0)
    }),
  ))

test('a split that cannot be is refused with the reason', () => {
  const code = 'INVALID_CONFIGURATION'
  assert.throws(() => splitCpus('0-1', [0, 1]), { code, message: /--server-cpus.*leaves the load generator none/ })
  assert.throws(() => splitCpus('1-3', [0, 1]), { code, message: /may use CPUs 0-1, and not 2-3/ })
  assert.throws(() => splitCpus('two', [0, 1]), { code, message: /"two" is not a list/ })
})

test('a small machine has one generator, a large one a quarter of its CPUs, and each generator a CPU of its own', () => {
  const threads = (cpus: number) => planPlacement('auto', cpus, undefined).generators
  assert.deepEqual([1, 2, 7, 8, 16, 24, 64].map(threads), [1, 1, 1, 2, 4, 6, 6])
  assert.equal(planPlacement('auto', 16, { server: [0, 1], generator: [2, 3] }).generators, 2)
  assert.equal(planPlacement(3, 2, undefined).generators, 3)
})

test('generators poll only where that takes no CPU that the server needs', () => {
  const polls = (asked: number | 'auto', cpus: number) => planPlacement(asked, cpus, undefined).poll
  assert.deepEqual([polls('auto', 2), polls('auto', 8), polls('auto', 16), polls(4, 8)], [false, true, true, false])
  assert.equal(planPlacement(1, 2, { server: [0], generator: [1] }).poll, true)
  assert.equal(planPlacement(2, 2, { server: [0], generator: [1] }).poll, false)
})

test('a table says where the load came from', () => {
  assert.equal(placementLine(planPlacement('auto', 2, undefined)), "load from 1 generator thread on the server's CPUs")
  const split = { server: [0, 1], generator: [2, 3, 4] }
  assert.match(placementLine(planPlacement(2, 5, split)), /2 generator threads on CPUs 2-4; server on CPUs 0-1$/)
})

const missing = process.platform !== 'linux' || availableParallelism() < 2
test('a process moves with its threads, and what it starts on the other CPUs sees only those', {
  skip: missing,
}, () => {
  const modules = ['bench/host/split-cpus', 'src/serving/cpu-quota']
  const [splitModule, quotaModule] = modules.map((path) =>
    JSON.stringify(new URL(`../../../${path}${extname(import.meta.url)}`, import.meta.url).href),
  )
  // in a process of its own, since it stays where it was moved
  const source = `
    import { execFileSync } from 'node:child_process'
    import { readdirSync, readFileSync } from 'node:fs'
    import { moveOffServerCpus, onCpus } from ${splitModule}
    const allowed = (task) => /^Cpus_allowed_list:\\s*(\\S+)/m.exec(readFileSync(task, 'utf8'))[1]
    const first = allowed('/proc/self/status').split(/[-,]/)[0]
    const { generator } = moveOffServerCpus(first)
    const threads = readdirSync('/proc/self/task').map((id) => allowed('/proc/self/task/' + id + '/status'))
    const inner = 'import(' + ${JSON.stringify(quotaModule)} + ').then(({ cpuQuota }) => console.log(cpuQuota() <= 1))'
    const [program, args] = onCpus(first, process.execPath, ['--import', 'tsx', '-e', inner])
    const child = execFileSync(program, args, { encoding: 'utf8' }).trim()
    console.log(JSON.stringify({ first, generator, threads: [...new Set(threads)], child }))`
  const output = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', source], {
    encoding: 'utf8',
  })
  const { first, generator, threads, child } = JSON.parse(output)
  assert.ok(!generator.includes(Number(first)))
  assert.deepEqual(threads, [formatCpuList(generator)])
  assert.equal(child, 'true', 'the server counts its own CPUs only')
})

test('where no CPUs are named, a program is started as it is', () => {
  assert.deepEqual(onCpus(undefined, 'node', ['a']), ['node', ['a']])
  assert.deepEqual(onCpus('0-1', 'node', ['a']), ['taskset', ['-c', '0-1', 'node', 'a']])
})
