/**
 * Tensors to and from GPU buffers by way of programs that copy them. onnxruntime-node 1.29 has no other way: it creates no
 * GPU tensor from host memory, and reading one back (`getData`) ends the process.
 */
import type * as ort from 'onnxruntime-node'
import type { HostTensors } from '../../src/family/tensor.js'
import { signaturesOf } from './batch-runs.js'
import { createSession, feedsOf, hostResults, type OnnxDevice } from './onnx-device.js'
import { encodeModel } from './onnx-encoding.js'
import type { Signatures } from './trace.js'

export type Feeds = Record<string, ort.Tensor>

/** @returns GPU tensors named `prefix.name` */
export async function upload(device: OnnxDevice, tensors: HostTensors, prefix: string): Promise<Feeds> {
  const results = await copied(device, signaturesOf(tensors), feedsOf(tensors, 'from'), true)
  return Object.fromEntries(Object.keys(tensors).map((name) => [`${prefix}.${name}`, results[`to.${name}`]!]))
}

/** @param feeds tensors named `prefix.name`, wherever they are */
export async function download(
  device: OnnxDevice,
  signatures: Signatures,
  feeds: Feeds,
  prefix: string,
): Promise<HostTensors> {
  const names = Object.keys(signatures)
  const sources = Object.fromEntries(names.map((name) => [`from.${name}`, feeds[`${prefix}.${name}`]!]))
  return hostResults(await copied(device, signatures, sources, false), names, 'to')
}

/** Gives the buffers back; tensors in host memory are left to the garbage collector. */
export function release(feeds: Feeds): void {
  for (const tensor of Object.values(feeds)) tensor.dispose()
}

// The GPU device, and every buffer with it, goes when the process' last WebGPU session is released: this one never is.
let anchor: Promise<ort.InferenceSession> | undefined

function keepDevice(device: OnnxDevice): Promise<ort.InferenceSession> {
  anchor ??= createSession(copyProgram({ anchor: { shape: [1], dtype: 'float32' } }), device)
  return anchor
}

async function copied(device: OnnxDevice, signatures: Signatures, feeds: Feeds, onDevice: boolean): Promise<Feeds> {
  const names = Object.keys(signatures)
  if (names.length === 0) return {}
  await keepDevice(device)
  const outputs = names.map((name) => `to.${name}`)
  const session = await createSession(copyProgram(signatures), device, onDevice ? outputs : [])
  try {
    return (await session.run(feeds)) as Feeds
  } finally {
    await session.release()
  }
}

/** @returns the bytes of a model with inputs `from.*` and equal outputs `to.*` */
function copyProgram(signatures: Signatures): Uint8Array {
  const infos = (prefix: string) =>
    Object.entries(signatures).map(([name, { shape, dtype }]) => ({ name: `${prefix}.${name}`, type: dtype, shape }))
  return encodeModel({
    name: 'copy',
    nodes: Object.keys(signatures).map((name) => ({
      opType: 'Identity',
      domain: '',
      inputs: [`from.${name}`],
      outputs: [`to.${name}`],
      attributes: {},
    })),
    constants: [],
    inputs: infos('from'),
    outputs: infos('to'),
  })
}
