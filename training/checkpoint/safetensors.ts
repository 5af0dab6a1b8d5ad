/**
 * The safetensors format: an unsigned 64-bit header length, a JSON header `{name: {dtype, shape, data_offsets}}`, then the
 * tensors' bytes, little-endian and row-major. Tensors are read one at a time, so that a checkpoint never lies in memory
 * twice.
 * @see https://huggingface.co/docs/safetensors
 */
import { type FileHandle, open } from 'node:fs/promises'
import { CheckpointInvalid } from '../../src/errors.js'
import { elementCount, type HostTensor } from '../../src/family/tensor.js'
import { fromFloat16 } from '../../src/onnx/float16.js'

export interface SafetensorsEntry {
  readonly dtype: string
  readonly shape: readonly number[]
  /** in bytes, from the first byte of the file */
  readonly begin: number
  readonly end: number
}

export interface SafetensorsFile {
  readonly path: string
  readonly entries: ReadonlyMap<string, SafetensorsEntry>
  /** the header's `__metadata__` */
  readonly metadata: Readonly<Record<string, string>>
  /**
   * @returns the tensor as float32 (from F64, F32, F16 or BF16)
   * @throws CheckpointInvalid when there is no such tensor, or its type is none of these
   */
  read(name: string): Promise<HostTensor & { readonly values: Float32Array }>
  close(): Promise<void>
}

/** what the reference implementation accepts as a header */
const MAX_HEADER_BYTES = 100_000_000

const BYTES_PER_ELEMENT: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
}

/** @throws CheckpointInvalid when the file is missing, truncated, or its header contradicts itself */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  let handle: FileHandle
  try {
    handle = await open(path)
  } catch {
    throw new CheckpointInvalid(path, 'cannot be read; check that the file exists and is readable')
  }
  try {
    const { size } = await handle.stat()
    const { entries, metadata } = parseHeader(path, await readHeader(path, handle, size), size)
    return {
      path,
      entries,
      metadata,
      async read(name) {
        const entry = entries.get(name)
        if (entry === undefined) throw new CheckpointInvalid(path, `has no tensor "${name}"`)
        const bytes = new Uint8Array(entry.end - entry.begin)
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, entry.begin)
        if (bytesRead !== bytes.length) throw new CheckpointInvalid(path, `ends inside tensor "${name}"`)
        return { shape: entry.shape, values: toFloat32(path, name, entry.dtype, bytes) }
      },
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** @returns the bytes of a safetensors file that holds the float32 tensors, in their order */
export function encodeSafetensors(
  tensors: Readonly<Record<string, HostTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata }
  let offset = 0
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    if (!(values instanceof Float32Array)) throw new TypeError(`tensor "${name}" is not float32`)
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] }
    offset += values.byteLength
  }
  const json = Buffer.from(JSON.stringify(header))
  const headerBytes = Math.ceil(json.length / 8) * 8 // the tensors start aligned
  const file = Buffer.alloc(8 + headerBytes + offset, 0x20)
  file.writeBigUInt64LE(BigInt(headerBytes))
  json.copy(file, 8)
  let position = 8 + headerBytes
  for (const { values } of Object.values(tensors)) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), position)
    position += values.byteLength
  }
  return file
}

async function readHeader(path: string, handle: FileHandle, size: number): Promise<Buffer> {
  const prefix = Buffer.alloc(8)
  await handle.read(prefix, 0, 8, 0)
  const headerBytes = size < 8 ? 0 : Number(prefix.readBigUInt64LE())
  if (headerBytes < 2 || headerBytes > Math.min(size - 8, MAX_HEADER_BYTES)) {
    throw new CheckpointInvalid(path, 'is not a safetensors file, or was cut short; download it again')
  }
  const header = Buffer.alloc(headerBytes)
  await handle.read(header, 0, headerBytes, 8)
  return header
}

function parseHeader(
  path: string,
  header: Buffer,
  size: number,
): { entries: Map<string, SafetensorsEntry>; metadata: Record<string, string> } {
  let parsed: Record<string, { dtype?: unknown; shape?: unknown; data_offsets?: unknown }>
  try {
    parsed = JSON.parse(header.toString('utf8'))
  } catch {
    throw new CheckpointInvalid(path, 'has a header that is not JSON; download it again')
  }
  const { __metadata__: metadata = {}, ...tensors } = parsed
  const start = 8 + header.length
  const entries = new Map<string, SafetensorsEntry>()
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(tensors)) {
    if (typeof dtype !== 'string' || !isCounts(shape) || !isCounts(offsets) || offsets.length !== 2) {
      throw new CheckpointInvalid(path, `describes tensor "${name}" wrongly; download it again`)
    }
    const [begin, end] = [start + offsets[0]!, start + offsets[1]!]
    if (end > size) {
      throw new CheckpointInvalid(path, `ends inside tensor "${name}": it has ${size} bytes; download it again`)
    }
    const width = BYTES_PER_ELEMENT[dtype]
    if (width !== undefined && end - begin !== width * elementCount(shape)) {
      throw new CheckpointInvalid(path, `tensor "${name}" has ${end - begin} bytes, which is not ${dtype} [${shape}]`)
    }
    entries.set(name, { dtype, shape, begin, end })
  }
  return { entries, metadata: metadata as Record<string, string> }
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0)
}

function toFloat32(path: string, name: string, dtype: string, bytes: Uint8Array): Float32Array {
  switch (dtype) {
    case 'F32':
      return new Float32Array(bytes.buffer)
    case 'F64':
      return Float32Array.from(new Float64Array(bytes.buffer))
    case 'F16':
      return fromFloat16(new Uint16Array(bytes.buffer))
    case 'BF16':
      return fromBfloat16(new Uint16Array(bytes.buffer))
    default:
      throw new CheckpointInvalid(
        path,
        `tensor "${name}" is ${dtype}; only F32, F16, BF16 and F64 weights are read. Save it as float32`,
      )
  }
}

/** bfloat16 is the upper half of a float32. */
function fromBfloat16(halves: Uint16Array): Float32Array {
  const bits = Uint32Array.from(halves, (half) => half << 16)
  return new Float32Array(bits.buffer)
}
