/** The same steps, computed at once by an installed tfjs backend. The oracle for the traced programs, and a way to tfjs-node. */
import type { Tensor } from '@tensorflow/tfjs'
import { EngineUnavailable } from '../../src/errors.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { signaturesOf } from './batch-runs.js'
import { matchingTensors } from './matching-tensors.js'
import { serially } from './serial.js'
import { tf } from './tfjs.js'
import { checkedStep } from './trace.js'
import { withBackend } from './tracing-backend.js'
import type { Engine, Evaluator, Tensors, Trainer } from './types.js'

/** The packages that bring a backend, best first. tfjs' own CPU backend needs none. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  cpu: [],
  tensorflow: ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'],
  wasm: ['@tensorflow/tfjs-backend-wasm'],
  webgpu: ['@tensorflow/tfjs-backend-webgpu'],
}

/**
 * @param name a tfjs backend: `cpu`, `tensorflow`, `wasm`, `webgpu`
 * @throws EngineUnavailable when the package is not installed, or its native part does not load
 */
export async function eagerEngine(name: string): Promise<Engine> {
  const source = await loadBackend(name)
  return {
    device: `tfjs:${name}`,
    precision: 'float32',
    description: `tfjs:${name}: eager tfjs on its backend "${name}"${source ? ` from ${source}` : ''}, as asked for`,
    trainer: async (step, state, frozen = {}) => eagerTrainer(name, checkedStep(step), state, frozen),
    evaluator: async (infer, parameters) => eagerEvaluator(name, infer, parameters),
    compilations: () => 0,
    dispose: async () => {},
  }
}

/** @returns the package that the backend came from, if any */
async function loadBackend(name: string): Promise<string | undefined> {
  const packages = PACKAGES[name]
  if (!packages) {
    throw new EngineUnavailable(`tfjs:${name}`, `tfjs backends known here: ${Object.keys(PACKAGES).join(', ')}`)
  }
  const former = tf.getBackend()
  let source: string | undefined
  const failures: string[] = []
  for (const candidate of packages) {
    try {
      await import(candidate)
      source = candidate
      break
    } catch (error) {
      failures.push(`${candidate}: ${firstLine(error)}`)
    }
  }
  const install = `install it with: npm install ${packages.join('  (or: npm install ')}${packages.length > 1 ? ')' : ''}`
  if (packages.length > 0 && !source) throw new EngineUnavailable(`tfjs:${name}`, `${install}. ${failures.join('; ')}`)
  const ready = await tf.setBackend(name).catch((error: unknown) => firstLine(error))
  if (former && ready !== true) await tf.setBackend(former)
  if (ready !== true) {
    const why = ready === false ? 'the backend did not initialise on this machine' : ready
    throw new EngineUnavailable(`tfjs:${name}`, `${why}. It comes from ${source}; tfjs:cpu runs everywhere, slowly`)
  }
  return source
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!
}

function eagerTrainer(
  backend: string,
  step: ReturnType<typeof checkedStep>,
  initial: HostTensors,
  frozenTensors: HostTensors,
): Trainer {
  const oneAtATime = serially()
  const signatures = signaturesOf(initial)
  const frozen = keptTensors(backend, frozenTensors)
  let state = keptTensors(backend, initial)

  const runStep = async (hostBatch: HostTensors): Promise<HostTensors> => {
    const result = withBackend(backend, () =>
      // tidy keeps what is returned and disposes of everything else that the step made.
      tf.tidy(() => {
        const { state: next, outputs } = step(state, deviceTensors(hostBatch), frozen)
        const own = (tensors: Tensors) =>
          Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.clone()]))
        // Clones: a step may return a tensor that it was given, which must outlive the disposal of the old state.
        return { state: own(next), outputs: own(outputs) }
      }),
    )
    for (const tensor of Object.values(result.state)) tf.keep(tensor)
    tf.dispose(state)
    state = result.state
    const outputs = await hostTensors(result.outputs)
    tf.dispose(result.outputs)
    return outputs
  }

  return {
    run: (batches) =>
      oneAtATime(async () => {
        const outputs: HostTensors[] = []
        for (const batch of batches) outputs.push(await runStep(batch))
        return outputs
      }),
    state: () => oneAtATime(() => hostTensors(state)),
    restore: (restored) =>
      oneAtATime(async () => {
        const next = keptTensors(backend, matchingTensors('state tensors', signatures, restored))
        tf.dispose(state)
        state = next
      }),
    dispose: () =>
      oneAtATime(async () => {
        tf.dispose([state, frozen])
        state = {}
      }),
  }
}

function eagerEvaluator(
  backend: string,
  infer: (parameters: Tensors, batch: Tensors) => Tensors,
  parameterTensors: HostTensors,
): Evaluator {
  const oneAtATime = serially()
  const signatures = signaturesOf(parameterTensors)
  let parameters = keptTensors(backend, parameterTensors)
  return {
    run: (batch) =>
      oneAtATime(async () => {
        const outputs = withBackend(backend, () =>
          tf.tidy(() =>
            Object.fromEntries(
              Object.entries(infer(parameters, deviceTensors(batch))).map(([name, tensor]) => [name, tensor.clone()]),
            ),
          ),
        )
        const host = await hostTensors(outputs)
        tf.dispose(outputs)
        return host
      }),
    load: (loaded) =>
      oneAtATime(async () => {
        const next = keptTensors(backend, matchingTensors('parameters', signatures, loaded))
        tf.dispose(parameters)
        parameters = next
      }),
    dispose: () =>
      oneAtATime(async () => {
        tf.dispose(parameters)
        parameters = {}
      }),
  }
}

function keptTensors(backend: string, tensors: HostTensors): Tensors {
  return withBackend(backend, () => {
    const device = deviceTensors(tensors)
    for (const tensor of Object.values(device)) tf.keep(tensor)
    return device
  })
}

// Copies: tfjs' CPU backend would otherwise share the caller's memory.
function deviceTensors(tensors: HostTensors): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, values }]): [string, Tensor] => [
      name,
      tf.tensor(values.slice(), [...shape], values instanceof Float32Array ? 'float32' : 'int32'),
    ]),
  )
}

async function hostTensors(tensors: Tensors): Promise<HostTensors> {
  const host: HostTensors = {}
  for (const [name, tensor] of Object.entries(tensors)) {
    const values = await tensor.data()
    host[name] = {
      shape: [...tensor.shape],
      values: values instanceof Float32Array ? values.slice() : Int32Array.from(values as ArrayLike<number>),
    }
  }
  return host
}
