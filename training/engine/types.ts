/**
 * The face of a training engine. A step is an ordinary function over tfjs tensors; how it runs (traced to an ONNX program
 * on ONNX Runtime, or eagerly on a tfjs backend) is the engine's business, and both give the same numbers.
 */
import type * as tf from '@tensorflow/tfjs'
import type { HostTensors } from '../../src/family/tensor.js'

export type Tensors = Record<string, tf.Tensor>

/** `tfjs:NAME` runs eagerly on an installed tfjs backend, e.g. `tfjs:cpu`, `tfjs:tensorflow`. */
export type Device = 'auto' | 'cpu' | 'cuda' | 'webgpu' | `tfjs:${string}`

/**
 * One training step: new state and outputs from state, batch and frozen tensors. Pure: no values are read, no randomness
 * is drawn (dropout noise comes in with the batch), shapes alone decide the control flow. The state that comes back has
 * the names and shapes that went in.
 */
export interface StepFunction {
  (state: Tensors, batch: Tensors, frozen: Tensors): StepResult
  /** A form of the state that is cheaper to step through many times; what it gives is decided by names and shapes alone. */
  readonly hold?: (state: Tensors) => HeldState
}

export type StepResult = { readonly state: Tensors; readonly outputs: Tensors }

/** A state as loops over steps hold it. */
export interface HeldState {
  readonly state: Tensors
  /** the step between states of this form */
  readonly step: (state: Tensors, batch: Tensors, frozen: Tensors) => StepResult
  /** @returns the state as it was before it was held */
  readonly release: (state: Tensors) => Tensors
}

/**
 * What a backend may offer to the code it runs beyond tfjs' own kernels; see nn/offered-kernels.ts. Not kernels but properties:
 * `ManyTensors`, hundreds of tensors are concatenated, and split, by one operator; `CostlyOperators`, an operator costs so much
 * beside its arithmetic that tensors are better joined first, even large ones.
 */
export type OfferedKernel =
  | 'LayerNorm'
  | 'LayerNormGrad'
  | 'Gelu'
  | 'SoftmaxWithBias'
  | 'DeviceDropout'
  | 'BiasDropout'
  | 'FullPrecision'
  | 'HalfPrecision'
  | 'ManyTensors'
  | 'CostlyOperators'

/** A function of parameters and a batch: inference, cached teacher outputs. */
export type InferenceFunction = (parameters: Tensors, batch: Tensors) => Tensors

/** float16 is mixed precision: parameters, optimiser state, reductions and losses stay float32. */
export type Precision = 'float32' | 'float16'

export interface Trainer {
  /**
   * Runs one step a batch, in order. Batches may differ in shape; runs of equal shape share a program and one `run`.
   * @returns each output for every step, in the order of the batches
   */
  run(batches: readonly HostTensors[]): Promise<HostTensors[]>
  /** @returns a copy of the state on the host */
  state(): Promise<HostTensors>
  /** replaces the state (resume, best-weights restore) */
  restore(state: HostTensors): Promise<void>
  dispose(): Promise<void>
}

export interface Evaluator {
  run(batch: HostTensors): Promise<HostTensors>
  /** replaces the parameters (same names and shapes): a validation between epochs traces and compiles nothing again */
  load(parameters: HostTensors): Promise<void>
  dispose(): Promise<void>
}

/** Trainers and evaluators share what is compiled: one with an equal step and shapes compiles nothing. */
export interface Engine {
  /** what actually runs: `cpu`, `cuda`, `webgpu` or `tfjs:NAME` */
  readonly device: string
  /** one line for the log: what was chosen and why */
  readonly description: string
  /** what products and large activations of training steps are computed in; float16 wants the loss scaled */
  readonly precision: Precision
  trainer(step: StepFunction, state: HostTensors, frozen?: HostTensors): Promise<Trainer>
  evaluator(infer: InferenceFunction, parameters: HostTensors): Promise<Evaluator>
  /** @returns how many programs were compiled so far; 0 where steps run eagerly */
  compilations(): number
  /** Releases what trainers and evaluators that were disposed of have left compiled. The engine can be used again. */
  dispose(): Promise<void>
}
