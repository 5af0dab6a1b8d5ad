import { getPriority } from 'node:os'
import { workerData } from 'node:worker_threads'
import { answerCalls } from '../../src/threads/answer-calls.js'

let calls = 0

answerCalls(
  async ({ bytes, waitMs = 0 }: { bytes: Uint8Array; waitMs?: number }) => {
    calls++
    if (bytes.length === 0) throw new Error('a secret text')
    if (bytes[0] === 255) process.exit(3)
    await new Promise((resolve) => setTimeout(resolve, waitMs))
    return { name: workerData as string, calls, niceness: getPriority(0), bytes: bytes.map((byte) => byte + 1) }
  },
  ({ bytes }) => [bytes.buffer as ArrayBuffer],
)
