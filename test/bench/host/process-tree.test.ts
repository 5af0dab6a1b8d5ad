import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { processTreeUsage } from '../../../bench/host/process-tree.js'

test("a process tree's memory and CPU time include those of grandchildren", {
  skip: process.platform !== 'linux',
}, async () => {
  const before = processTreeUsage(process.pid)!
  const busy =
    'const until = Date.now() + 200; while (Date.now() < until); console.log("done"); setInterval(() => {}, 1e6)'
  const parent = `const { spawn } = require('node:child_process'); spawn(process.execPath, ['-e', ${JSON.stringify(busy)}], { stdio: 'inherit' })`
  const child = spawn(process.execPath, ['-e', parent], { stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  try {
    await once(child.stdout, 'data')
    const after = processTreeUsage(process.pid)!
    assert.equal(after.processes, before.processes + 2)
    const own = processTreeUsage(child.pid!)!
    assert.equal(own.processes, 2)
    assert.ok(own.cpuSeconds > 0 && own.rssMiB > 10 && own.rssMiB < after.rssMiB)
  } finally {
    // the whole group: the grandchild would outlive its parent
    process.kill(-child.pid!, 'SIGKILL')
  }
})

test('a process that does not exist has no usage', () => {
  assert.equal(processTreeUsage(2 ** 30), undefined)
})
