import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, mergedExposition } from '../../src/metrics/metrics.js'
import type { ClassifyResult } from '../../src/serving/types.js'

const result: ClassifyResult = {
  family: 'outcome',
  version: 'sha256:1',
  tier: 'fast',
  provider: 'cpu',
  predictions: [
    {
      label: 'wins',
      probability: 0.72,
      probabilities: { wins: 0.72, loses: 0.28 },
      tokens: 5,
      tokensUsed: 5,
      windows: 1,
      truncated: false,
      abstained: false,
    },
  ],
  routing: {
    requestedTier: 'auto',
    budgetMs: 25,
    budgetMet: true,
    predictedMs: 10,
    actualMs: 12,
    reason: 'most_accurate_within_budget',
    considered: [],
  },
  stages: { tokenizeMs: 1, queueMs: 2, inferenceMs: 9 },
}

test('the instruments have the names and labels of the contract', async () => {
  const { observer, http, exposition } = createMetrics({ processMetrics: true })
  observer.answered(result)
  observer.batch({ family: 'outcome', tier: 'fast', size: 3, tokens: 300, inferenceMs: 9 })
  observer.queueDepth('fast', 4)
  observer.engineRestarted()
  observer.familyReady({ family: 'outcome', version: 'sha256:1', tier: 'fast', provider: 'cpu' })
  http.answered('/v1/predict', 200, 0.012)
  const text = await exposition()
  for (const sample of [
    'lextier_requests_total{route="/v1/predict",status="200"} 1',
    'lextier_request_duration_seconds_bucket{le="0.025",route="/v1/predict"} 1',
    'lextier_request_duration_seconds_bucket{le="0.01",route="/v1/predict"} 0',
    'lextier_predictions_total{family="outcome",tier="fast",label="wins"} 1',
    'lextier_tier_selected_total{family="outcome",tier="fast",reason="most_accurate_within_budget"} 1',
    'lextier_budget_total{family="outcome",tier="fast",met="true"} 1',
    'lextier_latency_prediction_ratio_sum{tier="fast"} 1.2',
    'lextier_stage_duration_seconds_sum{stage="queue",tier="fast"} 0.002',
    'lextier_queue_depth{tier="fast"} 4',
    'lextier_batch_size_sum{tier="fast"} 3',
    'lextier_batch_tokens_sum{tier="fast"} 300',
    'lextier_engine_restarts_total 1',
    'lextier_confidence_sum{family="outcome",tier="fast"} 0.72',
    'lextier_family_info{family="outcome",version="sha256:1",tier="fast",provider="cpu"} 1',
  ]) {
    assert.ok(
      text.includes(`${sample}\n`),
      `${sample}\n${text.match(new RegExp(`${sample.split('{')[0]}.*`, 'g'))?.join('\n')}`,
    )
  }
  assert.match(text, /# TYPE lextier_teacher_agreement_total counter/)
  assert.match(text, /process_cpu_seconds_total/)
})

test('a request without a budget counts neither as met nor as missed', async () => {
  const { observer, exposition } = createMetrics({ processMetrics: false })
  const { budgetMet: _, ...routing } = result.routing
  observer.answered({ ...result, routing })
  assert.doesNotMatch(await exposition(), /lextier_budget_total\{/)
})

test('reasons come from a closed set', async () => {
  const { observer, http, exposition } = createMetrics({ processMetrics: false })
  observer.rejected('OVERLOADED')
  observer.rejected('ECONNRESET')
  http.rejected('FST_ERR_SOMETHING')
  const text = await exposition()
  assert.match(text, /lextier_rejected_total\{reason="OVERLOADED"\} 1/)
  assert.match(text, /lextier_rejected_total\{reason="INTERNAL"\} 2/)
})

test('two servers in one process keep their own counts', async () => {
  const [one, other] = [createMetrics({ processMetrics: false }), createMetrics({ processMetrics: false })]
  one.observer.engineRestarted()
  assert.match(await other.exposition(), /lextier_engine_restarts_total 0/)
})

test('of several processes counts add up, and the first start is told', async () => {
  const processes = [createMetrics({ processMetrics: true }), createMetrics({ processMetrics: true })]
  for (const { observer } of processes) observer.answered(result)
  const snapshots = await Promise.all(processes.map(({ snapshot }) => snapshot()))
  const text = await mergedExposition(snapshots)
  const startOf = (exposition: string) => Number(/^process_start_time_seconds (\S+)$/m.exec(exposition)?.[1])
  const starts = await Promise.all(processes.map(async ({ exposition }) => startOf(await exposition())))
  assert.ok(starts.every((start) => start > 1e9))
  assert.equal(startOf(text), Math.min(...starts))
  assert.match(text, /^lextier_predictions_total\{.*\} 2$/m)
})
