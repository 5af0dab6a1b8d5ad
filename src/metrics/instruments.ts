/** Every instrument of the server: names, units, labels and buckets, as docs promise them. */
import { Counter, Gauge, type Registry } from 'prom-client'
import { TallyCounter, TallyHistogram } from './tallies.js'

const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const RATIO_BUCKETS = [0.1, 0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 5, 10]
const BATCH_SIZE_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128]
const BATCH_TOKEN_BUCKETS = [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768]
const CONFIDENCE_BUCKETS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99, 1]

export type Instruments = ReturnType<typeof createInstruments>

export function createInstruments(registry: Registry) {
  const registers = [registry]
  const counter = <T extends string>(name: string, help: string, ...labelNames: T[]) =>
    new TallyCounter({ name: `lextier_${name}`, help, labelNames, registry })
  const gauge = <T extends string>(name: string, help: string, ...labelNames: T[]) =>
    new Gauge({ name: `lextier_${name}`, help, labelNames, registers })
  const histogram = <T extends string>(name: string, help: string, buckets: number[], ...labelNames: T[]) =>
    new TallyHistogram({ name: `lextier_${name}`, help, labelNames, registry }, buckets)
  return {
    requests: counter('requests_total', 'HTTP requests answered', 'route', 'status'),
    requestDuration: histogram(
      'request_duration_seconds',
      "From a request's arrival to the end of its answer",
      DURATION_BUCKETS_S,
      'route',
    ),
    predictions: counter('predictions_total', 'Texts classified', 'family', 'tier', 'label'),
    tierSelected: counter('tier_selected_total', 'Requests by the tier chosen and why', 'family', 'tier', 'reason'),
    budget: counter('budget_total', 'Requests with a latency budget, by whether it was met', 'family', 'tier', 'met'),
    predictionRatio: histogram(
      'latency_prediction_ratio',
      'Actual latency over predicted latency',
      RATIO_BUCKETS,
      'tier',
    ),
    stageDuration: histogram(
      'stage_duration_seconds',
      'Time of a request in tokenize, queue and inference',
      DURATION_BUCKETS_S,
      'stage',
      'tier',
    ),
    queueDepth: gauge('queue_depth', 'Sequences that wait', 'tier'),
    batchSize: histogram('batch_size', 'Sequences in a batch', BATCH_SIZE_BUCKETS, 'tier'),
    batchTokens: histogram('batch_tokens', 'Tokens in a batch', BATCH_TOKEN_BUCKETS, 'tier'),
    rejected: counter('rejected_total', 'Prediction requests that got no prediction, by error code', 'reason'),
    engineRestarts: new Counter({
      name: 'lextier_engine_restarts_total',
      help: 'Engine processes started again after they died',
      registers,
    }),
    confidence: histogram(
      'confidence',
      "Calibrated probability of the answer's label",
      CONFIDENCE_BUCKETS,
      'family',
      'tier',
    ),
    teacherAgreement: counter(
      'teacher_agreement_total',
      'Sampled shadow runs of the teacher, by whether it gave the same label; none while shadow runs are off',
      'family',
      'tier',
      'agrees',
    ),
    familyInfo: gauge(
      'family_info',
      'Always 1: the families that are ready, with version and provider',
      'family',
      'version',
      'tier',
      'provider',
    ),
  }
}
