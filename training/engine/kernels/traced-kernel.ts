import type { TensorInfo } from '@tensorflow/tfjs'
import type { TracingBackend } from '../tracing-backend.js'

/** Attributes are as tfjs-core's kernel_names.ts declares them for each kernel. */
// biome-ignore lint/suspicious/noExplicitAny: tfjs types attributes by kernel name only in its own declarations
export type KernelAttributes = Record<string, any>

/** @returns the kernel's outputs */
export type TracedKernel = (
  backend: TracingBackend,
  inputs: Record<string, TensorInfo>,
  attributes: KernelAttributes,
) => TensorInfo | TensorInfo[]
