import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PYTHON_PEERS } from '../../../bench/peers/python-peers.js'

const peer = (name: string) => PYTHON_PEERS.find((one) => one.name === name)!

test('each peer is asked in its own way, and its answer is read as a label', () => {
  const answers: Record<string, unknown> = {
    litserve: { label: 'wins', probability: 0.7 },
    bentoml: [{ label: 'wins', probability: 0.7 }],
    mlserver: { outputs: [{ name: 'label', shape: [1, 1], data: ['wins'] }] },
    // every label, in no order that can be relied upon
    infinity: {
      data: [
        [
          { label: 'loses', score: 0.3 },
          { label: 'wins', score: 0.7 },
        ],
      ],
    },
  }
  assert.deepEqual(PYTHON_PEERS.map(({ name }) => name).sort(), Object.keys(answers).sort())
  for (const { name, labelOf, requestBody } of PYTHON_PEERS) {
    assert.equal(labelOf(answers[name]), 'wins', name)
    assert.equal(labelOf(name === 'bentoml' ? [] : {}), undefined, name)
    assert.ok(JSON.stringify(requestBody('the text')).includes('"the text"'), name)
  }
})

test('infinity-emb gets the layouts of one process only, the batch size as it is asked', () => {
  const layouts = [
    { workers: 1, threads: 2, batch: 8 },
    { workers: 2, threads: 1, batch: 8 },
  ]
  assert.deepEqual(peer('infinity').layouts?.(layouts), [layouts[0]])
  const { args } = peer('infinity').command('/env/bin', 8_080, layouts[0]!)
  assert.equal(args[args.indexOf('--batch-size') + 1], '8')
})

test('MLServer runs a lone worker in its own process, and batches only where it is asked to', () => {
  const environment = (workers: number, batch: number) =>
    peer('mlserver').environment!({ workers, threads: 1, batch }, [1, 2, 3])
  assert.equal(environment(1, 1).MLSERVER_PARALLEL_WORKERS, '0')
  assert.equal(environment(2, 1).MLSERVER_PARALLEL_WORKERS, '2')
  assert.equal(environment(2, 1).MLSERVER_MODEL_MAX_BATCH_SIZE, undefined)
  assert.equal(environment(2, 8).MLSERVER_MODEL_MAX_BATCH_SIZE, '8')
})
