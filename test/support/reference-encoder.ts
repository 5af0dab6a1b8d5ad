/**
 * The oracle for exported models: BERT's forward pass in plain loops over float64, one sequence at a time, no padding.
 * Written from the papers' formulas (Vaswani et al. 2017, Devlin et al. 2019), shares no code with the graph builders.
 */
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { HostTensors } from '../../src/family/tensor.js'

type Matrix = number[][]

/** @returns the logits of one sequence, [labels] */
export function referenceLogits(config: EncoderConfig, parameters: HostTensors, inputIds: readonly number[]): number[] {
  const values = (name: string) => parameters[name]!.values
  const row = (name: string, index: number) => {
    const width = parameters[name]!.shape[1]!
    return Array.from(values(name).subarray(index * width, (index + 1) * width))
  }
  const linear = (x: Matrix, name: string): Matrix => {
    const kernel = values(`${name}.weight`)
    const bias = values(`${name}.bias`)
    return x.map((input) =>
      Array.from(bias, (b, out) => input.reduce((sum, v, i) => sum + v * kernel[i * bias.length + out]!, b)),
    )
  }
  const norm = (x: Matrix, name: string): Matrix =>
    x.map((input) => {
      const mean = input.reduce((sum, v) => sum + v, 0) / input.length
      const variance = input.reduce((sum, v) => sum + (v - mean) ** 2, 0) / input.length
      const scale = values(`${name}.weight`)
      const bias = values(`${name}.bias`)
      return input.map((v, i) => ((v - mean) / Math.sqrt(variance + config.layerNormEpsilon)) * scale[i]! + bias[i]!)
    })
  const add = (a: Matrix, b: Matrix): Matrix => a.map((line, i) => line.map((v, j) => v + b[i]![j]!))

  let x: Matrix = inputIds.map((id, position) => {
    const word = row('embeddings.word_embeddings.weight', id)
    const place = row('embeddings.position_embeddings.weight', position)
    const type = config.typeVocabSize > 0 ? row('embeddings.token_type_embeddings.weight', 0) : word.map(() => 0)
    return word.map((v, i) => v + place[i]! + type[i]!)
  })
  x = norm(x, 'embeddings.LayerNorm')
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `encoder.layer.${layer}`
    const [q, k, v] = ['query', 'key', 'value'].map((name) => linear(x, `${prefix}.attention.self.${name}`))
    const size = config.hiddenSize / config.heads
    const mixed: Matrix = x.map(() => [])
    for (let head = 0; head < config.heads; head++) {
      const part = (m: Matrix) => m.map((line) => line.slice(head * size, (head + 1) * size))
      const [qh, kh, vh] = [part(q!), part(k!), part(v!)]
      qh.forEach((query, i) => {
        const scores = kh.map((key) => query.reduce((sum, value, j) => sum + value * key[j]!, 0) / Math.sqrt(size))
        const shares = softmax(scores)
        for (let j = 0; j < size; j++) mixed[i]!.push(shares.reduce((sum, share, t) => sum + share * vh[t]![j]!, 0))
      })
    }
    x = norm(add(linear(mixed, `${prefix}.attention.output.dense`), x), `${prefix}.attention.output.LayerNorm`)
    const wide = linear(x, `${prefix}.intermediate.dense`).map((line) => line.map(ACTIVATIONS[config.activation]))
    x = norm(add(linear(wide, `${prefix}.output.dense`), x), `${prefix}.output.LayerNorm`)
  }
  let pooled =
    config.pooling === 'cls' ? x[0]! : x[0]!.map((_, i) => x.reduce((sum, line) => sum + line[i]!, 0) / x.length)
  if (config.pooler !== 'none') {
    pooled = linear([pooled], 'pooler.dense')[0]!.map((v) => (config.pooler === 'tanh' ? Math.tanh(v) : Math.max(0, v)))
  }
  return linear([pooled], 'classifier')[0]!
}

const ACTIVATIONS = {
  relu: (x: number) => Math.max(0, x),
  gelu: (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  gelu_new: (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
}

/** The Maclaurin series, to float64 accuracy for the |x| < 4 that matter; beyond, erf is ±1 to 1e-8. */
function erf(x: number): number {
  if (Math.abs(x) >= 4) return Math.sign(x)
  let term = x
  let sum = x
  for (let n = 1; n < 100; n++) {
    term *= (-x * x) / n
    sum += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}

function softmax(scores: number[]): number[] {
  const max = Math.max(...scores)
  const exponentials = scores.map((score) => Math.exp(score - max))
  const sum = exponentials.reduce((total, value) => total + value, 0)
  return exponentials.map((value) => value / sum)
}
