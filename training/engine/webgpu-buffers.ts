/**
 * Tensors to and from GPU buffers by way of programs that copy them, and may change their form on the way. onnxruntime-node
 * 1.29 has no other way: it creates no GPU tensor from host memory, and reading one back (`getData`) ends the process.
 */
import type * as ort from 'onnxruntime-node'
import type { HostTensors } from '../../src/family/tensor.js'
import { copyOf, signaturesOf } from './batch-runs.js'
import { GraphRecorder } from './graph-recorder.js'
import { type Feeds, feedsOf, hostResults, type OnnxDevice } from './onnx-device.js'
import { encodeModel } from './onnx-encoding.js'
import { finish, namedResults, valueInfos } from './program-parts.js'
import { type Signatures, symbols, traceInto } from './trace.js'
import type { TraceOptions } from './tracing-backend.js'
import type { Tensors } from './types.js'

/** Tensors in GPU buffers. A buffer must not outlive the session that made it: its memory is that session's. */
export interface Resident {
  readonly feeds: Feeds
  release(): Promise<void>
}

/** @returns tensors that belong to a session which its owner releases; releasing them gives back the buffers alone */
export function borrowed(feeds: Feeds): Resident {
  return { feeds, release: async () => disposeOf(feeds) }
}

/** A program with inputs `from.*` and outputs `to.*`. */
export interface Conversion {
  readonly model: Uint8Array
  readonly outputs: Signatures
}

/** @param change a function of tensors alone, which is traced */
export function conversionProgram(
  signatures: Signatures,
  options: TraceOptions,
  change: (tensors: Tensors) => Tensors,
): Conversion {
  const graph = new GraphRecorder()
  const { tensors } = traceInto(graph, options, (symbol) => ({ tensors: change(symbols(symbol, signatures, 'from')) }))
  const model = encodeModel(finish('convert', graph, valueInfos(signatures, 'from'), namedResults(tensors, 'to')))
  return { model, outputs: tensors }
}

/** @returns GPU tensors named `prefix.name`, in the form that the conversion gives them */
export async function upload(
  device: OnnxDevice,
  tensors: HostTensors,
  prefix: string,
  conversion: Conversion = copying(signaturesOf(tensors), device),
): Promise<Resident> {
  const names = Object.keys(conversion.outputs)
  if (names.length === 0) return borrowed({})
  const onDevice = names.map((name) => `to.${name}`)
  const session = await device.sessions.borrow(conversion.model, onDevice)
  const results = await session.run(feedsOf(tensors, 'from'))
  const feeds = Object.fromEntries(names.map((name) => [`${prefix}.${name}`, results[`to.${name}`] as ort.Tensor]))
  return {
    feeds,
    release: async () => {
      disposeOf(feeds)
      await session.release()
    },
  }
}

/** As upload, into buffers that there are. */
export async function overwrite(
  device: OnnxDevice,
  resident: Resident,
  tensors: HostTensors,
  prefix: string,
  conversion: Conversion,
): Promise<void> {
  const session = await device.sessions.borrow(conversion.model)
  try {
    const names = Object.keys(conversion.outputs)
    const into = Object.fromEntries(names.map((name) => [`to.${name}`, resident.feeds[`${prefix}.${name}`]!]))
    await session.run(feedsOf(tensors, 'from'), into)
  } finally {
    await session.release()
  }
}

/** @param feeds tensors named `prefix.name`, wherever they are. @returns what the conversion makes of them */
export async function download(
  device: OnnxDevice,
  conversion: Conversion,
  feeds: Feeds,
  prefix: string,
): Promise<HostTensors> {
  const names = Object.keys(conversion.outputs)
  if (names.length === 0) return {}
  const session = await device.sessions.borrow(conversion.model)
  try {
    const sources = Object.entries(feeds).map(([name, tensor]) => [`from.${name.slice(prefix.length + 1)}`, tensor])
    return copyOf(await hostResults(await session.run(Object.fromEntries(sources)), names, 'to'))
  } finally {
    await session.release()
  }
}

function disposeOf(feeds: Feeds): void {
  for (const tensor of Object.values(feeds)) tensor.dispose()
}

function copying(signatures: Signatures, device: OnnxDevice): Conversion {
  return conversionProgram(signatures, device.trace, (tensors) => tensors)
}
