/**
 * A tfjs backend that computes nothing: its kernels append ONNX nodes to the graph of the trace under way and return
 * symbolic tensors. tfjs' own automatic differentiation runs on top of it unchanged.
 *
 * Broadcasting is lazy. A tensor of shape [32, 128] whose value is the same along a dimension may be *held* as a node of
 * shape [32, 1] or [], since ONNX broadcasts operands itself; it is expanded only where an operator needs every element.
 */
import type { DataId, DataType, KernelBackend, Tensor, TensorInfo } from '@tensorflow/tfjs'
import { elementCount } from '../../src/family/tensor.js'
import type { ConstantValues, GraphRecorder } from './graph-recorder.js'
import { elementTypeNumber } from './onnx-encoding.js'
import { tf } from './tfjs.js'
import type { OfferedKernel } from './types.js'

export const TRACING_BACKEND = 'lextier-onnx'

/** The element types that a traced tensor may have. */
export type TracedType = 'float32' | 'int32' | 'bool'

/** How a trace writes what providers differ in. */
export interface TraceOptions {
  /**
   * `fused`: batched products with transposed operands are one com.microsoft.FusedMatMul (CPU, CUDA); `plain`: Transpose
   * and MatMul, for providers that lack it.
   */
  readonly batchedMatMul: 'fused' | 'plain'
  /** whether the right operand of a two-dimensional product is transposed by an operator of its own; not unless told otherwise */
  readonly transposeRightApart?: boolean
  /**
   * Mixed precision: matrix products are computed in float16, and float values of at least this many elements are held in it
   * from one operator to the next. Parameters, optimiser state, reductions and losses stay float32. Unset: all is float32.
   */
  readonly halfFrom?: number
  /** whether the columns of a matrix are summed in two stages; not unless told otherwise */
  readonly columnSumsInStages?: boolean
  /** the most outputs that an operator may have; any number unless told otherwise */
  readonly mostOutputs?: number
  /** the kernels of kernels/fused.ts that the provider runs faster than their parts; none unless told otherwise */
  readonly fused?: readonly OfferedKernel[]
}

/** A value of the graph as an operator may use it. */
export interface Operand {
  readonly name: string
  /** the shape of the ONNX value; broadcasts to the tensor's shape */
  readonly held: readonly number[]
  /** whether the ONNX value is float16 where the tensor is float32 to tfjs */
  readonly half: boolean
}

interface HostEntry {
  readonly kind: 'host'
  readonly values: ConstantValues
  readonly shape: readonly number[]
  readonly dtype: TracedType
  recorded?: { graph: GraphRecorder; operand: Operand }
}

interface NodeEntry {
  readonly kind: 'node'
  readonly graph: GraphRecorder
  readonly operand: Operand
  readonly shape: readonly number[]
  readonly dtype: TracedType
}

type Entry = HostEntry | NodeEntry

export class TracingBackend extends tf.KernelBackend {
  private readonly storage: tf.DataStorage<Entry>
  private current: { graph: GraphRecorder; options: TraceOptions } | undefined

  constructor() {
    super()
    this.storage = new tf.DataStorage<Entry>(this as KernelBackend, tf.engine())
  }

  get graph(): GraphRecorder {
    if (!this.current) throw new Error('the tracing backend was used outside of a trace')
    return this.current.graph
  }

  get options(): TraceOptions {
    if (!this.current) throw new Error('the tracing backend was used outside of a trace')
    return this.current.options
  }

  /** Runs the function with every kernel call appending to the graph. */
  recordInto<T>(graph: GraphRecorder, options: TraceOptions, body: () => T): T {
    const previous = this.current
    this.current = { graph, options }
    try {
      return body()
    } finally {
      this.current = previous
    }
  }

  /** @returns a tensor that stands for the named value of the graph; `held` where it is to be broadcast to `shape` */
  symbolic(
    name: string,
    shape: readonly number[],
    dtype: TracedType,
    held: readonly number[] = shape,
    half = false,
  ): TensorInfo {
    const dataId = {}
    this.storage.set(dataId, { kind: 'node', graph: this.graph, operand: { name, held, half }, shape, dtype })
    return { dataId, shape: [...shape], dtype }
  }

  /** Whether code that is being traced may run the kernel. */
  offers(kernel: OfferedKernel): boolean {
    return this.options.fused?.includes(kernel) ?? false
  }

  /** Whether a float value of so many elements is to be held in float16. */
  halves(elements: number): boolean {
    return elements >= (this.options.halfFrom ?? Number.POSITIVE_INFINITY)
  }

  /** @returns the tensor's value for an operator that broadcasts, in the tensor's own type */
  operand(tensor: TensorInfo): Operand {
    return this.inPrecision(this.native(tensor), false)
  }

  /** @returns the value in float16 or in float32 */
  inPrecision(operand: Operand, half: boolean): Operand {
    if (operand.half === half) return operand
    const to = elementTypeNumber(half ? 'float16' : 'float32')
    return { ...operand, name: this.graph.node('Cast', [operand.name], { to }), half }
  }

  /** @returns the tensor's value for an operator that broadcasts, as it is held */
  native(tensor: TensorInfo): Operand {
    const entry = this.storage.get(tensor.dataId)
    // Reshapes share no storage here, so the entry's shape is the tensor's shape.
    if (entry.kind === 'node') {
      if (entry.graph !== this.graph) throw new Error('a symbolic tensor of one trace was used in another')
      return entry.operand
    }
    if (entry.recorded?.graph === this.graph) return entry.recorded.operand
    const operand = this.recordConstant(entry)
    entry.recorded = { graph: this.graph, operand }
    return operand
  }

  /** @returns the name of the tensor's value with all its elements, for an operator that does not broadcast */
  full(tensor: TensorInfo): string {
    return this.expanded(this.operand(tensor), tensor.shape)
  }

  /** @returns the same as it is held, or in the precision asked for */
  fullNative(tensor: TensorInfo, precision = this.native(tensor).half): { name: string; half: boolean } {
    const operand = this.inPrecision(this.native(tensor), precision)
    return { name: this.expanded(operand, tensor.shape), half: operand.half }
  }

  private expanded({ name, held }: Operand, shape: readonly number[]): string {
    if (held.length === shape.length && held.every((size, axis) => size === shape[axis])) return name
    return this.graph.node('Expand', [name, this.graph.int64(shape)])
  }

  /** @returns the values of a tensor known while tracing, else undefined */
  knownValues(tensor: TensorInfo): ConstantValues | undefined {
    const entry = this.storage.get(tensor.dataId)
    return entry.kind === 'host' ? entry.values : undefined
  }

  private recordConstant({ values, shape, dtype }: HostEntry): Operand {
    const first = values[0]
    if (values.length > 0 && values.every((value) => Object.is(value, first))) {
      return { name: this.graph.scalar(Number(first), dtype), held: [], half: false }
    }
    return { name: this.graph.constant(values, shape, dtype), held: shape, half: false }
  }

  // ---- tfjs' side: storage -------------------------------------------------------------------------------------------

  override write(values: unknown, shape: number[], dtype: DataType): DataId {
    const dataId = {}
    this.move(dataId, values, shape, dtype)
    return dataId
  }

  override move(dataId: DataId, values: unknown, shape: number[], dtype: DataType): void {
    const type = tracedType(dtype)
    this.storage.set(dataId, { kind: 'host', values: typedValues(values, shape, type), shape: [...shape], dtype: type })
  }

  override readSync(dataId: object): Float32Array | Int32Array | Uint8Array {
    const entry = this.storage.get(dataId)
    if (entry.kind === 'host' && !(entry.values instanceof BigInt64Array)) return entry.values
    throw new Error(
      'a tensor was read while a step is being traced, when it has no value yet: steps and losses may not call ' +
        'dataSync, data, arraySync, array or print, and their control flow may depend on shapes only',
    )
  }

  override async read(dataId: object): Promise<Float32Array | Int32Array | Uint8Array> {
    return this.readSync(dataId)
  }

  override disposeData(dataId: object): boolean {
    if (this.storage.has(dataId)) this.storage.delete(dataId)
    return true
  }

  override numDataIds(): number {
    return this.storage.numDataIds()
  }

  // Every tensor made here has a data id of its own.
  override refCount(): number {
    return 1
  }
  override incRef(): void {}
  override timerAvailable(): boolean {
    return false
  }
  override memory(): { unreliable: boolean } {
    return { unreliable: true }
  }
  override floatPrecision(): 16 | 32 {
    return 32
  }
  override epsilon(): number {
    return 1e-7
  }
  override dispose(): void {}
}

/** @throws Error for strings and complex numbers, which no training step has */
export function tracedType(dtype: DataType): TracedType {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype
  throw new Error(`tensors of type ${dtype} cannot be traced; use float32, int32 or bool`)
}

function typedValues(values: unknown, shape: readonly number[], dtype: TracedType): ConstantValues {
  if (values === null || values === undefined) return typedValues(new Array(elementCount(shape)).fill(0), shape, dtype)
  const numbers = values as ArrayLike<number>
  if (dtype === 'float32') return numbers instanceof Float32Array ? numbers : Float32Array.from(numbers)
  if (dtype === 'int32') return numbers instanceof Int32Array ? numbers : Int32Array.from(numbers)
  return numbers instanceof Uint8Array ? numbers : Uint8Array.from(numbers)
}

let backend: TracingBackend | undefined

/** The backend, registered with tfjs on first use; tfjs' current backend stays what it was. */
export function tracingBackend(): TracingBackend {
  if (!backend) {
    const created = new TracingBackend()
    backend = created
    // Priority 0: tfjs must never pick this backend by itself.
    tf.registerBackend(TRACING_BACKEND, () => created as KernelBackend, 0)
  }
  return backend
}

/**
 * Runs synchronous tfjs code with a backend, then puts the former one back. All is done without giving way to other work,
 * so that traces and eager steps of several engines may interleave.
 * @param name a backend that is already initialised
 */
export function withBackend<T>(name: string, body: () => T): T {
  // Before its first computation tfjs has no backend; its own CPU backend is always there.
  const former = tf.getBackend() || 'cpu'
  switchTo(name)
  try {
    return body()
  } finally {
    switchTo(former)
  }
}

// setBackend answers with a promise, yet for an initialised backend it has done its work when it returns.
function switchTo(name: string): void {
  if (tf.getBackend() === name) return
  void tf.setBackend(name)
  if (tf.getBackend() !== name) throw new Error(`tfjs did not switch to its backend ${name}`)
}

/** @returns a tfjs tensor for a tensor info that a kernel or the tracer made */
export function asTensor(info: TensorInfo): Tensor {
  return tf.engine().makeTensorFromTensorInfo(info)
}
