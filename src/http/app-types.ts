import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { DescribedFamily } from '../family/described-family.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Classifier } from '../serving/types.js'

/** Fastify whose route schemas, written in TypeBox, type the requests. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

export interface HttpConfig {
  /** accepted keys; empty: the API is open */
  readonly apiKeys: readonly string[]
  /** requests a minute for each key, or each address where there are no keys; undefined: unlimited */
  readonly rateLimitPerMinute?: number | undefined
  /** addresses and ranges whose X-Forwarded-For tells the caller's address; default: nobody's */
  readonly trustedProxies?: readonly string[] | undefined
  /** largest request body in bytes */
  readonly maxBodyBytes: number
}

/** What is served now; a reload changes it. */
export interface FamilyCatalogue {
  /** by name */
  families(): readonly DescribedFamily[]
  /** the family of requests that name none; undefined when no family loaded */
  defaultFamily(): string | undefined
  /** folders that are not served, or not in their present state, and why */
  refused(): readonly { readonly name: string; readonly reason: string }[]
}

/** What the routes need, handed to each of them. */
export interface AppDependencies {
  readonly classifier: Classifier
  readonly catalogue: FamilyCatalogue
  readonly metrics: Metrics
  readonly config: HttpConfig
}

declare module 'fastify' {
  interface FastifyInstance {
    /** parses a JSON body without keeping the event loop: at once, or for a large one with a promise. @throws InvalidRequest */
    parseJson(bytes: Uint8Array): unknown
  }
  interface FastifyRequest {
    /** `performance.now()` when the request's head was read */
    arrivalMs: number
    /** aborts when the caller closes the connection before it has its answer */
    callerGone: AbortSignal
    /** whether the classifier was asked: from then on it reports rejections itself */
    reachedClassifier: boolean
  }
  interface FastifyContextConfig {
    /** answered without a key, for probes and scrapers */
    open?: boolean
    /** refused with DRAINING once the shutdown has begun */
    refusedWhileDraining?: boolean
  }
}
