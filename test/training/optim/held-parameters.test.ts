import assert from 'node:assert/strict'
import test from 'node:test'
import * as tf from '@tensorflow/tfjs'
import type { Tensors } from '../../../training/engine/types.js'
import { adamWStep } from '../../../training/optim/adamw.js'
import { held, type ParameterGroup, released } from '../../../training/optim/held-parameters.js'

await tf.setBackend('cpu')

const shapes = { a: [2, 3], b: [3], c: [1, 3], d: [2] }
type Name = keyof typeof shapes
const names = Object.keys(shapes) as Name[]
const group = (members: readonly Name[]): ParameterGroup => ({
  name: members.join('+'),
  members,
  shapes: members.map((name) => shapes[name]),
  factor: 0.5,
  decays: true,
})
const together = [group(['a', 'b', 'c']), group(['d'])]
const alone = names.map((name) => group([name]))
const values = (scale: number): Tensors =>
  Object.fromEntries(
    names.map((name, at) => {
      const size = shapes[name].reduce((product, n) => product * n, 1)
      return [
        name,
        tf.tensor(
          Array.from({ length: size }, (_, i) => scale * Math.sin(at * 7 + i + 1)),
          shapes[name],
        ),
      ]
    }),
  )

function stepped(groups: readonly ParameterGroup[], gradients: Tensors): Record<string, number[]> {
  const moments = (prefix: string, scale: number) =>
    Object.fromEntries(Object.entries(values(scale)).map(([name, tensor]) => [prefix + name, tf.abs(tensor)]))
  const unheld: Tensors = { ...moments('m/', 0.1), ...moments('v/', 0.01) }
  const scalars = { step: tf.scalar(3), 'correction/1': tf.scalar(0.27), 'correction/2': tf.scalar(0.003) }
  const result = adamWStep(
    { decays: () => true, weightDecay: 0.1 },
    {
      parameters: held(values(1), groups, ''),
      gradients,
      state: { ...scalars, ...held(unheld, groups, 'm/'), ...held(unheld, groups, 'v/') },
      groups,
      learningRate: tf.scalar(0.01),
    },
  )
  const tensors = {
    ...released(result.parameters, groups, ''),
    ...released(result.state, groups, 'm/'),
    ...released(result.state, groups, 'v/'),
  }
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, [...tensor.dataSync()]]))
}

test('parameters held end to end are updated as each would be by itself, and come back in their shapes', () => {
  assert.deepEqual(stepped(together, values(0.3)), stepped(alone, values(0.3)))
  const back = released(held(values(1), together, ''), together, '')
  for (const name of names) assert.deepEqual(back[name]!.shape, shapes[name])
})

test('of a group, a parameter without a gradient stays as it is', () => {
  const { b: _, ...others } = values(0.3)
  const after = stepped(together, others)
  assert.deepEqual(after, stepped(alone, others))
  assert.deepEqual(after.b, [...values(1).b!.dataSync()])
  assert.notDeepEqual(after.c, [...values(1).c!.dataSync()])
})
