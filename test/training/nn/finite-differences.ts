import * as tf from '@tensorflow/tfjs'

/**
 * Central differences of a scalar function, in float32: good to about 1e-3 of the function's scale.
 * @returns one derivative an entry of x
 */
export function finiteDifferences(f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor, step = 1e-2): number[] {
  const values = [...x.dataSync()]
  const at = (index: number, shift: number) =>
    tf.tidy(
      () =>
        f(
          tf.tensor(
            values.map((v, i) => (i === index ? v + shift : v)),
            x.shape,
          ),
        ).dataSync()[0]!,
    )
  return values.map((_, index) => (at(index, step) - at(index, -step)) / (2 * step))
}
