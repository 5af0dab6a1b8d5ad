/**
 * One of several processes that answer HTTP: it has connections, parses, checks and tokenizes; the server that started it routes
 * and predicts. It ends when it is told to, and when that server does.
 */
import { Socket } from 'node:net'
import { buildApp } from '../http/build-app.js'
import { closeApp } from '../http/close-app.js'
import type { Draining } from '../http/draining.js'
import { createServerLogger, written } from '../http/server-logger.js'
import { createMetrics } from '../metrics/metrics.js'
import { MESSAGES_FD, MessagePipe } from '../serving/remote/message-pipe.js'
import { RemoteClassifier } from '../serving/remote/remote-classifier.js'
import { Questions } from '../threads/questions.js'
import { type FromApiProcess, type ListenMessage, listenFailed, type ToApiProcess } from './api-process-protocol.js'
import { listenOptions } from './listen-address.js'
import { EXIT_FAILURE } from './report-error.js'

const pipe = new MessagePipe<FromApiProcess, ToApiProcess>(new Socket({ fd: MESSAGES_FD }), (message) =>
  receive(message),
)
const send = (message: FromApiProcess) => pipe.send(message)
const metrics = createMetrics({ processMetrics: true })
const classifier = new RemoteClassifier({ send, observer: metrics.observer })
const expositions = new Questions<string>()
let app: Awaited<ReturnType<typeof buildApp>>['app'] | undefined
let draining: Draining | undefined
let logger: ReturnType<typeof createServerLogger> | undefined

async function listen({ config, version, awakeMs }: ListenMessage): Promise<void> {
  classifier.stayAwakeFor(awakeMs)
  const log = createServerLogger(config.logLevel)
  logger = log
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught')
    process.exit(EXIT_FAILURE)
  })
  const catalogue = {
    families: () => classifier.served.families,
    defaultFamily: () => classifier.served.defaultFamily,
    refused: () => classifier.served.refused,
  }
  try {
    const ofAllProcesses = { ...metrics, exposition: askForExposition }
    const built = await buildApp({ classifier, catalogue, metrics: ofAllProcesses, config, logger: log, version })
    app = built.app
    draining = built.draining
    await app.listen(listenOptions(config))
    send({ type: 'listening' })
  } catch (error) {
    send(listenFailed(error))
  }
}

function askForExposition(): Promise<string> {
  return expositions.ask((id) => send({ type: 'metrics?', id }))
}

async function drain(): Promise<void> {
  draining?.begin()
  await draining?.idle()
  // the listener closes first: what still arrives is refused by the system, not half answered
  if (app) await closeApp(app)
  await classifier.drain()
  if (logger) await written(logger)
  process.exit(0)
}

function receive(message: ToApiProcess): void {
  switch (message.type) {
    case 'listen':
      void listen(message)
      break
    case 'drain':
      void drain()
      break
    case 'metrics?':
      void metrics.snapshot().then((snapshot) => send({ type: 'snapshot', id: message.id, snapshot }))
      break
    case 'exposition':
      expositions.answered(message.id, message.exposition)
      break
    default:
      classifier.receive(message)
  }
}

send({ type: 'started' })
process.on('disconnect', () => process.exit(0))
// Ctrl-C, a closed terminal and service managers signal the whole group; the server decides when accepted work is done
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
