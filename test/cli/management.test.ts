import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import type { ListenAddress } from '../../src/cli/listen-address.js'
import { type Management, startManagement } from '../../src/cli/management.js'
import { createMetrics } from '../../src/metrics/metrics.js'
import { poll, run } from './lextier-process.js'

const HOST = '127.0.0.1'

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** While it waits and asks, from another process, this one's thread does nothing else. */
function askBlocking(url: string, waitMs = 0): { status: number; body: string } {
  const ask = `setTimeout(async () => {
    const response = await fetch('${url}')
    console.log(JSON.stringify({ status: response.status, body: await response.text() }))
  }, ${waitMs})`
  return JSON.parse(execFileSync(process.execPath, ['-e', ask], { encoding: 'utf8' }))
}

let address: ListenAddress
let management: Management
const url = () => `http://${HOST}:${address.port}`

before(async () => {
  address = { host: HOST, port: await freePort() }
  management = await startManagement({
    address,
    logLevel: 'silent',
    readiness: () => ({ ready: true, draining: false, reasons: [] }),
    metrics: createMetrics({ processMetrics: false }),
    standstillMs: 2_000,
  })
})
after(() => management.close())

test('health is answered while the thread of the server is busy, and once that is for too long it counts as standing still', async () => {
  assert.deepEqual(askBlocking(`${url()}/health/live`), { status: 200, body: '{"status":"live"}' })
  const { status, body } = askBlocking(`${url()}/health/ready`, 2_100)
  assert.equal(status, 503)
  assert.match(body, /NOT_READY.*stood still/)
  await poll(`${url()}/health/ready`, (response) => response.status === 200)
})

test('a management port that is taken, or the API has itself, is named before anything starts', async () => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, HOST, resolve))
  const { port } = taken.address() as { port: number }
  const free = await freePort()
  const [used, same] = await Promise.all([
    run(['serve', '--host', HOST, '--port', '0', '--management-port', String(port)]),
    run(['serve', '--host', HOST, '--port', String(free), '--management-port', String(free)]),
  ])
  taken.close()
  assert.deepEqual([used.exitCode, same.exitCode], [2, 2])
  assert.match(used.stderr, new RegExp(`LEXTIER_MANAGEMENT_PORT.*port ${port} .* is in use`))
  assert.match(same.stderr, new RegExp(`LEXTIER_MANAGEMENT_PORT.*the API listens on port ${free}`))
  assert.doesNotMatch(used.stdout + same.stdout, /engine/)
})
