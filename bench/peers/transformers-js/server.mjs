/**
 * transformers.js behind Fastify, as its users write it: a pipeline in the process that answers. Requests that arrive while
 * a batch runs form the next one. Workers are Node's cluster.
 */
import cluster from 'node:cluster'
import { env as settings } from 'node:process'
import { env, pipeline } from '@huggingface/transformers'
import Fastify from 'fastify'

const { PEER_PORT, PEER_WORKERS, PEER_THREADS, PEER_BATCH, PEER_HUB_FOLDER } = settings

if (cluster.isPrimary && Number(PEER_WORKERS) > 1) {
  for (let i = 0; i < Number(PEER_WORKERS); i++) cluster.fork()
} else {
  env.allowRemoteModels = false
  env.localModelPath = PEER_HUB_FOLDER
  const classify = await pipeline('text-classification', 'classifier', {
    dtype: 'fp32',
    device: 'cpu',
    session_options: { intraOpNumThreads: Number(PEER_THREADS) },
  })
  const waiting = []
  let running = false
  const drain = async () => {
    if (running) return
    running = true
    while (waiting.length > 0) {
      const batch = waiting.splice(0, Number(PEER_BATCH))
      try {
        const answers = await classify(batch.map(({ text }) => text))
        batch.forEach(({ resolve }, index) => {
          resolve({ label: answers[index].label, probability: answers[index].score })
        })
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    running = false
  }
  const app = Fastify()
  app.post('/predict', (request) => {
    return new Promise((resolve, reject) => {
      waiting.push({ text: request.body.text, resolve, reject })
      setImmediate(drain)
    })
  })
  await app.listen({ host: '127.0.0.1', port: Number(PEER_PORT) })
}
