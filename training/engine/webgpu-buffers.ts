/**
 * Tensors to and from GPU buffers by way of programs that copy them. onnxruntime-node 1.29 has no other way: it creates no
 * GPU tensor from host memory, and reading one back (`getData`) ends the process.
 */
import type * as ort from 'onnxruntime-node'
import type { HostTensors } from '../../src/family/tensor.js'
import { copyOf, signaturesOf } from './batch-runs.js'
import { type Feeds, feedsOf, hostResults, type OnnxDevice } from './onnx-device.js'
import { encodeModel } from './onnx-encoding.js'
import type { Signatures } from './trace.js'

/** Tensors in GPU buffers. A buffer must not outlive the session that made it: its memory is that session's. */
export interface Resident {
  readonly feeds: Feeds
  release(): Promise<void>
}

/** @returns tensors that belong to a session which its owner releases; releasing them gives back the buffers alone */
export function borrowed(feeds: Feeds): Resident {
  return { feeds, release: async () => disposeOf(feeds) }
}

/** @returns GPU tensors named `prefix.name` */
export async function upload(device: OnnxDevice, tensors: HostTensors, prefix: string): Promise<Resident> {
  const signatures = signaturesOf(tensors)
  const names = Object.keys(signatures)
  if (names.length === 0) return borrowed({})
  const onDevice = names.map((name) => `to.${name}`)
  const session = await device.sessions.borrow(copyProgram(signatures), onDevice)
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

/** @param feeds tensors named `prefix.name`, wherever they are */
export async function download(
  device: OnnxDevice,
  signatures: Signatures,
  feeds: Feeds,
  prefix: string,
): Promise<HostTensors> {
  const names = Object.keys(signatures)
  if (names.length === 0) return {}
  const session = await device.sessions.borrow(copyProgram(signatures))
  try {
    const sources = Object.fromEntries(names.map((name) => [`from.${name}`, feeds[`${prefix}.${name}`]!]))
    return copyOf(await hostResults((await session.run(sources)) as Feeds, names, 'to'))
  } finally {
    await session.release()
  }
}

function disposeOf(feeds: Feeds): void {
  for (const tensor of Object.values(feeds)) tensor.dispose()
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
