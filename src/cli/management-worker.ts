/** The thread that answers the management port: what it tells of the server it has been told, and metrics it asks for. */
import { parentPort, workerData } from 'node:worker_threads'
import { closeApp } from '../http/close-app.js'
import { buildManagementApp } from '../http/management-app.js'
import { createServerLogger, written } from '../http/server-logger.js'
import { Questions } from '../threads/questions.js'
import { listenFailed } from './api-process-protocol.js'
import { managementListenOptions } from './listen-address.js'
import type { FromManagement, ManagementStart, ToManagement } from './management-protocol.js'

const { address, logLevel, contentType, heard, standstillMs, ...start } = workerData as ManagementStart
const heardNs = new BigInt64Array(heard)
const log = createServerLogger(logLevel)
const expositions = new Questions<string>()
const send = (message: FromManagement) => parentPort!.postMessage(message)
let { readiness } = start

const app = await buildManagementApp({
  health: { readiness: () => readiness, standstill },
  metrics: {
    http: {
      answered: (route, status, durationSeconds) => send({ type: 'answered', route, status, durationSeconds }),
      rejected: () => {},
    },
    exposition: () => expositions.ask((id) => send({ type: 'metrics?', id })),
    contentType,
  },
  logger: log,
})

/** @returns that the server's own thread stands still, which nobody could be told by itself */
function standstill(): string | undefined {
  const silentMs = Number(process.hrtime.bigint() - Atomics.load(heardNs, 0)) / 1e6
  if (silentMs <= standstillMs) return undefined
  return `the server has stood still for ${Math.round(silentMs / 1000)} s; restart it if it goes on`
}

parentPort!.on('message', (message: ToManagement) => {
  switch (message.type) {
    case 'readiness':
      readiness = message.readiness
      break
    case 'exposition':
      expositions.answered(message.id, message.exposition)
      break
    case 'drain':
      void closeApp(app)
        .then(() => written(log))
        .then(() => process.exit(0))
      break
  }
})

try {
  await app.listen(managementListenOptions(address))
  send({ type: 'listening' })
} catch (error) {
  send(listenFailed(error))
}
