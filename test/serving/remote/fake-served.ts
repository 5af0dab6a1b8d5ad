/** What a ClassifierHost serves, made up: families with tokenizers, and answers that a test gives. */
import { createHash } from 'node:crypto'
import { TokenizerChanged } from '../../../src/errors.js'
import type { FamilyManifest } from '../../../src/family/family-schema.js'
import type { Served } from '../../../src/serving/remote/classifier-host.js'
import type { ServedState } from '../../../src/serving/remote/protocol.js'
import type {
  ClassifyRequest,
  ClassifyResult,
  Readiness,
  RequestHead,
  TokenizerDefinition,
} from '../../../src/serving/types.js'
import { tinyTokenizer } from '../../support/tiny-tokenizer.js'

export const READY: Readiness = { ready: true, draining: false, reasons: [] }

/** @returns another definition for each number; the odd ones have exchanged the ids of `the` and `court` */
export function tokenizerOf(number: number): TokenizerDefinition {
  const json = JSON.parse(tinyTokenizer().json) as { model: { vocab: Record<string, number> } }
  const { vocab } = json.model
  if (number % 2 === 1) [vocab.the, vocab.court] = [vocab.court!, vocab.the!]
  const definition = JSON.stringify(json) + ' '.repeat(number)
  return { hash: createHash('sha256').update(definition).digest('hex'), definition }
}

export function answerTo(request: ClassifyRequest, routing: Partial<ClassifyResult['routing']> = {}): ClassifyResult {
  const { ids = [], tokenizeMs = 0 } = request.read ?? {}
  const predictions = ids.map((one) => ({
    label: [...one].join(' '),
    probability: 1,
    probabilities: {},
    tokens: one.length,
    tokensUsed: one.length,
    windows: 1,
    truncated: false,
    abstained: false,
  }))
  return {
    family: request.family ?? 'default',
    version: 'sha256:0',
    tier: 'fast',
    provider: 'cpu',
    predictions,
    routing: {
      requestedTier: request.tier,
      predictedMs: 1,
      actualMs: 0,
      reason: 'requested',
      considered: [],
      ...routing,
    },
    stages: { tokenizeMs, queueMs: 0, inferenceMs: 0 },
  }
}

export class FakeServed implements Served {
  /** tokenizers of the families, by name; the first is the default */
  tokenizers: Record<string, TokenizerDefinition> = { tiny: tokenizerOf(0) }
  ready = READY
  readonly asked: ClassifyRequest[] = []
  answer: (request: ClassifyRequest) => ClassifyResult | Promise<ClassifyResult> = (request) => answerTo(request)
  refuses: (head: RequestHead) => Error | undefined = () => undefined

  readonly classifier: Served['classifier'] = {
    classify: async (request) => {
      this.asked.push(request)
      const name = request.family ?? Object.keys(this.tokenizers)[0] ?? ''
      if (request.read!.tokenizer !== this.tokenizers[name]?.hash) throw new TokenizerChanged()
      return this.answer({ ...request, family: name })
    },
    refusal: (head) => this.refuses(head),
    tokenizer: (family) => this.tokenizers[family],
    readiness: () => this.ready,
  }

  state(): ServedState {
    const families = Object.entries(this.tokenizers).map(([name, { hash }]) => ({
      manifest: { name } as FamilyManifest,
      version: `sha256:${hash}`,
      tokenizer: hash,
    }))
    return { families, defaultFamily: families[0]?.manifest.name, refused: [], statuses: [] }
  }
}
