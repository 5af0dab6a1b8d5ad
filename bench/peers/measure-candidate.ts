/** One running server under the load that all candidates get: closed loop for its capacity, open loop for its latency. */
import { createRandom } from '../../training/random.js'
import { runClosedLoop } from '../load/closed-loop.js'
import { completionRate } from '../load/completion-rate.js'
import { runOpenLoop } from '../load/open-loop.js'
import { poissonArrivals } from '../load/poisson-arrivals.js'
import { createPostClient, type PostClient } from '../load/post-client.js'
import { type Trial, trialOf } from '../load/search-goodput.js'
import { type CpuSpent, watchCpu } from '../serving/cpu-spent.js'
import type { Candidate, StartedCandidate } from './candidate.js'

export interface PeerText {
  readonly text: string
  /** without special tokens */
  readonly tokens: number
}

export interface PeerLoad {
  readonly texts: readonly PeerText[]
  readonly seed: number
  /** whether the generator may keep a CPU busy to send on time */
  readonly poll: boolean
}

export interface PeerCapacity {
  readonly textsPerSecond: number
  readonly tokensPerSecond: number
  readonly errors: number
  readonly cpu: CpuSpent
}

export interface CandidateUnderLoad {
  /** @returns labels of the answers; undefined for a request that failed */
  labels(count: number): Promise<(string | undefined)[]>
  capacity(connections: number, durationMs: number): Promise<PeerCapacity>
  /** the same arrivals and texts for every candidate at the same rate */
  openLoop(ratePerSecond: number, durationMs: number, limitMs: number): Promise<Trial>
  close(): void
}

interface Answered {
  readonly label: string
  readonly tokens: number
}

const CLIENT_TIMEOUT_MS = 30_000
/** The queue fills and the batches find their size. */
const WARM_UP_SHARE = 0.2

export function underLoad(candidate: Candidate, started: StartedCandidate, load: PeerLoad): CandidateUnderLoad {
  const client = createPostClient(started.url, CLIENT_TIMEOUT_MS)
  // serialised beforehand: the generator's CPU is taken from the server's on a small machine
  const requests = load.texts.map(({ text, tokens }) => ({ body: candidate.requestBody(text), tokens }))
  const send = (index: number, intendedMs?: number) =>
    sendOne(client, candidate, started, requests[index % requests.length]!, intendedMs)
  return {
    async labels(count) {
      const labels: (string | undefined)[] = []
      for (let index = 0; index < Math.min(count, requests.length); index++) {
        const { outcome } = await send(index)
        labels.push('label' in outcome ? outcome.label : undefined)
      }
      return labels
    },
    async capacity(connections, durationMs) {
      let next = 0
      const cpuSpent = watchCpu(started.pid)
      const { observations, startMs, endMs } = await runClosedLoop({
        connections,
        durationMs: durationMs * (1 + WARM_UP_SHARE),
        send: () => send(next++),
      })
      const completions = observations.flatMap(({ endedMs, outcome }) =>
        'label' in outcome ? [{ endedMs, texts: 1, tokens: outcome.tokens }] : [],
      )
      return {
        ...completionRate(completions, startMs + durationMs * WARM_UP_SHARE, endMs),
        errors: observations.length - completions.length,
        cpu: cpuSpent(),
      }
    },
    async openLoop(ratePerSecond, durationMs, limitMs) {
      const random = createRandom(load.seed).fork('peers')
      const arrivalsMs = poissonArrivals(ratePerSecond, durationMs, random)
      const first = random.integer(requests.length)
      const observations = await runOpenLoop({
        arrivalsMs,
        send: (index, intendedMs) => send(first + index, intendedMs),
        poll: load.poll,
      })
      return trialOf(observations, ratePerSecond, durationMs, limitMs)
    },
    close: () => client.close(),
  }
}

async function sendOne(
  client: PostClient,
  candidate: Candidate,
  { headers }: StartedCandidate,
  { body, tokens }: { readonly body: Buffer; readonly tokens: number },
  intendedMs?: number,
) {
  const sentMs = performance.now()
  const outcome = await client.post(body, headers)
  const endedMs = performance.now()
  return { intendedMs: intendedMs ?? sentMs, sentMs, endedMs, outcome: answered(candidate, outcome, tokens) }
}

function answered(
  candidate: Candidate,
  outcome: Awaited<ReturnType<PostClient['post']>>,
  tokens: number,
): Answered | { errorCode: string } {
  if ('errorCode' in outcome) return outcome
  if (outcome.statusCode !== 200) return { errorCode: `HTTP_${outcome.statusCode}` }
  try {
    const label = candidate.labelOf(JSON.parse(outcome.body.toString('utf8')))
    return label === undefined ? { errorCode: 'NO_LABEL' } : { label, tokens }
  } catch {
    return { errorCode: 'NOT_JSON' }
  }
}
