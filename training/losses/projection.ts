import * as tf from '@tensorflow/tfjs'
import type { HostTensors } from '../../src/family/tensor.js'
import type { Tensors } from '../engine/types.js'
import type { Random } from '../random.js'
import type { LayerPair } from './layer-map.js'

export interface Widths {
  /** hidden size of the student */
  readonly student: number
  /** hidden size of the teacher */
  readonly teacher: number
}

/**
 * The learnt maps from a student's states to the width of its teacher's, one kernel a pair of layers, no bias. They are
 * trained with the student and left behind with the loss. Where the widths are equal there are none.
 * @see Romero et al. 2015 (FitNets), section 2.2; Jiao et al. 2020 (TinyBERT), equation 8
 */
export interface Projections {
  /** `projection.<loss>.<student layer>-<teacher layer>.weight` [student, teacher], normal with variance 1 / student */
  initialParameters(random: Random): HostTensors
  /** @param states [..., student] @returns [..., teacher]; the states themselves where the widths are equal */
  apply<T extends tf.Tensor>(parameters: Tensors, pair: LayerPair, states: T): T
}

export function projections(loss: string, pairs: readonly LayerPair[], widths: Widths): Projections {
  const needed = widths.student !== widths.teacher
  const name = ([student, teacher]: LayerPair) => `projection.${loss}.${student}-${teacher}.weight`
  return {
    initialParameters(random) {
      if (!needed) return {}
      const draw = (pair: LayerPair) => {
        const source = random.fork(name(pair))
        const length = widths.student * widths.teacher
        const values = Float32Array.from({ length }, () => source.normal(1 / Math.sqrt(widths.student)))
        return { shape: [widths.student, widths.teacher], values }
      }
      return Object.fromEntries(pairs.map((pair) => [name(pair), draw(pair)]))
    },
    apply<T extends tf.Tensor>(parameters: Tensors, pair: LayerPair, states: T): T {
      if (!needed) return states
      const kernel = parameters[name(pair)] as tf.Tensor2D | undefined
      if (kernel === undefined) throw new TypeError(`the loss needs its parameter "${name(pair)}"`)
      const rows = tf.reshape(states, [-1, widths.student]) as tf.Tensor2D
      return tf.reshape(tf.matMul(rows, kernel), [...states.shape.slice(0, -1), widths.teacher]) as T
    },
  }
}
