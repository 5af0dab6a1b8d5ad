import assert from 'node:assert/strict'
import cluster from 'node:cluster'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { ApiProcesses, type ApiProcessesOptions } from '../../src/cli/api-processes.js'
import { listenFailure } from '../../src/cli/listen-address.js'
import { until } from '../resilience/load.js'
import { mark } from '../resilience/processes.js'
import { FakeServed } from '../serving/remote/fake-served.js'

const { variables, pids } = mark()
Object.assign(process.env, variables)

function optionsOf(port: number): ApiProcessesOptions & { readonly lines: { pid?: number; message: string }[] } {
  const lines: { pid?: number; message: string }[] = []
  const write = (fields: object, message: string) => {
    lines.push({ ...fields, message })
  }
  const address = { host: '127.0.0.1', port }
  return {
    count: 2,
    served: new FakeServed(),
    listen: {
      config: { ...address, logLevel: 'silent', apiKeys: [], maxBodyBytes: 1_000 },
      version: '0.0.0',
      awakeMs: 2,
    },
    snapshot: async () => [],
    listenFailure: (error) => listenFailure(error, address),
    log: { debug: write, info: write, warn: write, error: write },
    lines,
  }
}

test('a port that is taken meanwhile is told by the name of the setting, and no process is left', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  await assert.rejects(ApiProcesses.start(optionsOf(port)), {
    code: 'INVALID_CONFIGURATION',
    message: /^LEXTIER_PORT \(--port\): port \d+ of 127\.0\.0\.1 is in use/,
  })
  taken.close()
  await until(async () => (await pids()).length === 0, 'the processes to end')
})

test('a process that is being started again when the server stops does not keep it from stopping', async () => {
  const options = optionsOf(0)
  const processes = await ApiProcesses.start(options)
  process.kill(options.lines.find(({ message }) => message === 'API process listens')!.pid!, 'SIGKILL')
  const stopped = () => options.lines.some(({ message }) => message.startsWith('API process stopped'))
  await until(stopped, 'its end to be noticed')
  await until(() => Object.keys(cluster.workers ?? {}).length === 2, 'another one to begin')
  processes.begin()
  await processes.idle()
  await until(async () => (await pids()).length === 0, 'the processes to end')
})
