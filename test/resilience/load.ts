/** Load on a real server: callers that ask again and again, and what became of every request. */
import { Agent, request } from 'node:http'

export interface Outcome {
  /** undefined: no answer came */
  readonly status: number | undefined
  readonly code: string | undefined
  readonly version: string | undefined
  readonly tier: string | undefined
  /** of the first text's label */
  readonly probability: number | undefined
  readonly retryAfter: string | undefined
  readonly sentMs: number
  readonly ms: number
}

export interface Load {
  readonly outcomes: Outcome[]
  /** no further request; resolves when every one has ended */
  stop(): Promise<Outcome[]>
}

interface Answer {
  readonly code?: string
  readonly version?: string
  readonly tier?: string
  readonly predictions?: readonly { readonly probability: number }[]
}

/** @param body what each call sends. @returns one request's outcome; never rejects */
export function call(url: string, body: object, agent?: Agent): Promise<Outcome> {
  const sentMs = performance.now()
  return new Promise((resolve) => {
    const end = (status?: number, text = '{}', retryAfter?: string) => {
      const { code, version, tier, predictions } = JSON.parse(text) as Answer
      const probability = predictions?.[0]?.probability
      resolve({ status, code, version, tier, probability, retryAfter, sentMs, ms: performance.now() - sentMs })
    }
    const outgoing = request(
      `${url}/v1/predict`,
      { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
      (response) => {
        let text = ''
        response.on('data', (chunk) => {
          text += chunk
        })
        response.on('error', () => end())
        response.on('end', () => end(response.statusCode, text, response.headers['retry-after']))
      },
    )
    outgoing.on('error', () => end())
    outgoing.end(JSON.stringify(body))
  })
}

/** @param callers each sends its next request when it has the answer to its last */
export function startLoad(url: string, callers: number, body: object): Load {
  const outcomes: Outcome[] = []
  let stopped = false
  const agent = new Agent({ keepAlive: true })
  const caller = async () => {
    while (!stopped) outcomes.push(await call(url, body, agent))
  }
  const all = Promise.all(Array.from({ length: callers }, caller))
  return {
    outcomes,
    async stop() {
      stopped = true
      await all
      agent.destroy()
      return outcomes
    },
  }
}

/** @returns resolves when the condition holds; rejects after a minute: the machine may be busy */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let waited = 0; !(await condition()); waited += 20) {
    if (waited > 60_000) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
