import * as tf from '@tensorflow/tfjs'
import { InvalidConfiguration, ShapeMismatch } from '../../src/errors.js'
import { offers, runOffered } from './offered-kernels.js'

/** The length of the noise vector that a training step gets with its batch. */
export const NOISE_LENGTH = 4096

const GOLDEN_RATIO = (1 + Math.sqrt(5)) / 2

/** Masks for the dropout sites of one forward pass, in the order in which they are asked for. */
export interface Dropout {
  /**
   * Zeroes entries with the given probability and scales the others by 1/(1 − rate).
   * @param x any shape whose elements are `groups · rows · columns`, columns last
   * @param layout how the mask is spread: it takes groups + rows + columns noise values
   * @param rate in [0, 1); 0 returns x
   */
  apply<T extends tf.Tensor>(x: T, layout: DropoutLayout, rate: number): T
  /**
   * apply(input · kernel + bias) + residual
   * @param input [groups · rows, in], kernel [in, columns], bias [columns], residual [groups · rows, columns]
   */
  applyBetween(between: Between, layout: DropoutLayout, rate: number): tf.Tensor2D
  /**
   * The next site, for code that writes its gradient out. To be called outside of tf.customGrad, whose scope would dispose
   * of what all sites share.
   */
  site(layout: DropoutLayout, rate: number): DropoutSite
}

export interface Between {
  readonly input: tf.Tensor2D
  readonly kernel: tf.Tensor2D
  readonly bias: tf.Tensor
  readonly residual: tf.Tensor2D
}

export interface DropoutSite {
  /** @returns the result and the mask that dropoutGradient takes; not differentiable */
  drop<T extends tf.Tensor>(x: T): { value: T; mask: tf.Tensor }
}

/** @param mask what drop gave. @returns the gradient of dropout's input */
export function dropoutGradient<T extends tf.Tensor>(dy: T, mask: tf.Tensor, rate: number): T {
  return (mask.dtype === 'bool' ? tf.where(mask, tf.mul(dy, 1 / (1 - rate)), 0) : tf.mul(dy, mask)) as T
}

export interface DropoutLayout {
  readonly groups: number
  readonly rows: number
  readonly columns: number
}

export interface DropoutSites {
  readonly sites: number
  readonly pass?: { readonly index: number; readonly count: number }
}

/**
 * Dropout. Where the backend offers DeviceDropout, its own generator draws the masks; else it does without random ops: a mask is a pure function of a noise vector that the host draws for each step, so that every
 * engine draws the same mask and a resumed run repeats it bit for bit: an entry survives when
 * u = fract(2⁸ · (1+a)(1+b)(1+c)) ≥ rate, with a, b, c ∈ [0, 1) the site's noise at the entry's group, row and column.
 * The product lies in [2⁸, 2¹¹), which leaves 13 fraction bits of a float32; each factor alone sweeps it over at least 256
 * periods. Multiplying, flooring and subtracting are exact or correctly rounded everywhere, in fp32 and in nothing less.
 *
 * Sites get noise of their own: fract(noise · multiplier), one irrational multiplier a site.
 * @param noise float32 [length], uniform on [0, 1)
 * @param sites the number of masks that may be asked for
 * @param pass passes over the same noise get multipliers of their own
 */
export function createDropout(noise: tf.Tensor1D, { sites, pass = { index: 0, count: 1 } }: DropoutSites): Dropout {
  const length = noise.shape[0]
  const first = pass.index * sites + 1
  const multipliers = Float32Array.from(
    { length: sites },
    (_, site) => 64 + 64 * fraction((first + site) * GOLDEN_RATIO),
  )
  const mixed = fract(tf.mul(tf.reshape(noise, [1, length]), tf.tensor2d(multipliers, [sites, 1])))
  const factors = tf.add(mixed, 1) as tf.Tensor2D // [sites, length], in [1, 2)
  const rowTables = new Map<string, tf.Tensor2D>()
  let nextSite = 0

  /** 2⁸ (1+a)(1+b) for every site at once: [sites, groups · rows] */
  const rowTable = (groups: number, rows: number): tf.Tensor2D => {
    const key = `${groups},${rows}`
    const known = rowTables.get(key)
    if (known !== undefined) return known
    const groupFactors = tf.reshape(tf.mul(tf.slice(factors, [0, 0], [sites, groups]), 256), [sites, groups, 1])
    const rowFactors = tf.reshape(tf.slice(factors, [0, groups], [sites, rows]), [sites, 1, rows])
    const table = tf.reshape(tf.mul(groupFactors, rowFactors), [sites, groups * rows]) as tf.Tensor2D
    rowTables.set(key, table)
    return table
  }

  const nextPlace = (rate: number): number => {
    if (!(rate > 0 && rate < 1)) throw new InvalidConfiguration('dropout', `${rate} is not in [0, 1)`)
    if (nextSite >= sites) throw new RangeError(`more than ${sites} dropout sites were asked for`)
    return nextSite++
  }

  const drawnByHost = (at: number, { groups, rows, columns }: DropoutLayout, rate: number): tf.Tensor => {
    if (groups + rows + columns > length) {
      throw new ShapeMismatch(
        `dropout over ${groups} x ${rows} x ${columns} needs ${groups + rows + columns} noise values and has ${length}; ` +
          'use a smaller batch or more accumulation steps',
      )
    }
    const rowFactors = tf.reshape(tf.slice(rowTable(groups, rows), [at, 0], [1, groups * rows]), [-1, 1])
    const columnFactors = tf.slice(factors, [at, groups + rows], [1, columns])
    const uniform = fract(tf.mul(rowFactors, columnFactors)) // [groups · rows, columns]
    const kept = tf.greaterEqual(uniform, rate)
    if (offers('CostlyOperators')) return tf.where(kept, tf.scalar(1 / (1 - rate)), tf.scalar(0))
    return tf.mul(tf.cast(kept, 'float32'), 1 / (1 - rate))
  }

  const site = (layout: DropoutLayout, rate: number): DropoutSite => {
    const at = nextPlace(rate)
    if (offers('DeviceDropout')) return { drop: (x) => drawnByDevice(x, rate, first + at) }
    const drawn = drawnByHost(at, layout, rate)
    return {
      drop: <T extends tf.Tensor>(x: T) => {
        const mask = tf.reshape(drawn, x.shape)
        return { value: tf.mul(x, mask) as T, mask }
      },
    }
  }

  const apply: Dropout['apply'] = (x, layout, rate) => {
    if (rate === 0) return x
    return offers('DeviceDropout') ? differentiable(x, rate, first + nextPlace(rate)) : site(layout, rate).drop(x).value
  }

  return {
    site,
    apply,
    applyBetween(between, layout, rate) {
      if (rate > 0 && offers('BiasDropout')) return fusedBetween(between, rate, first + nextPlace(rate))
      const { input, kernel, bias, residual } = between
      return tf.add(apply(tf.add(tf.matMul(input, kernel), bias), layout, rate), residual) as tf.Tensor2D
    },
  }
}

/** The factor 1/(1 − rate) of the gradient goes to the matrix products, which take it for nothing. */
function fusedBetween({ input, kernel, bias, residual }: Between, rate: number, seed: number): tf.Tensor2D {
  return tf.customGrad((...args) => {
    const [input, kernel, bias, residual] = args as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
    const save = args[4] as tf.GradSaveFunc
    const operands = { x: tf.matMul(input, kernel), bias, residual }
    const [value, mask] = runOffered('BiasDropout', operands, { rate, seed }) as [tf.Tensor, tf.Tensor]
    save([input, kernel, mask])
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [input, kernel, mask] = saved as [tf.Tensor, tf.Tensor, tf.Tensor]
        const kept = tf.where(mask, dy, 0)
        const factor = 1 / (1 - rate)
        return [
          tf.mul(tf.matMul(kept, kernel, false, true), factor),
          tf.mul(tf.matMul(input, kept, true, false), factor),
          tf.mul(tf.sum(kept, 0), factor),
          dy,
        ]
      },
    }
  })(input, kernel, bias, residual) as tf.Tensor2D
}

function drawnByDevice<T extends tf.Tensor>(x: T, rate: number, seed: number): { value: T; mask: tf.Tensor } {
  const [value, mask] = runOffered('DeviceDropout', { x }, { rate, seed })
  return { value: value as T, mask: mask! }
}

function differentiable<T extends tf.Tensor>(x: T, rate: number, seed: number): T {
  return tf.customGrad((...args) => {
    const [x, save] = args as unknown as [T, tf.GradSaveFunc]
    const { value, mask } = drawnByDevice(x, rate, seed)
    save([mask])
    return { value, gradFunc: (dy: tf.Tensor, [mask]: tf.Tensor[]) => dropoutGradient(dy, mask!, rate) }
  })(x) as T
}

function fract(x: tf.Tensor): tf.Tensor {
  return tf.sub(x, tf.floor(x))
}

function fraction(x: number): number {
  return x - Math.floor(x)
}
