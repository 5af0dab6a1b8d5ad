/** The hard-example stage: training goes on, from the best weights, on what the model gets wrong or is least sure of. */
import { InvalidConfiguration, ShapeMismatch } from '../../src/errors.js'
import { argmax, softmax } from '../../src/family/softmax.js'
import type { HostTensors } from '../../src/family/tensor.js'
import type { OptimisationConfig } from './config.js'
import type { TrainingTask } from './train-model.js'

/**
 * @param logits of the model on its training examples, [examples][labels]
 * @param labels class of every example
 * @param share of the examples, in (0, 1]; rounded up
 * @returns indices of the hardest, ascending: wrong answers first, then right ones, the less probable the true label the
 *   sooner; ties by index
 * @throws InvalidConfiguration when the share is out of range, ShapeMismatch when logits and labels differ in number
 */
export function hardExamples(
  logits: readonly Float32Array[],
  labels: readonly number[],
  share: number,
): readonly number[] {
  if (!(share > 0 && share <= 1)) throw new InvalidConfiguration('hard_examples.share', `${share} is not in (0, 1]`)
  if (logits.length !== labels.length) {
    throw new ShapeMismatch(`${logits.length} rows of logits and ${labels.length} labels`)
  }
  const scored = logits.map((row, index) => {
    const label = labels[index]!
    return { index, right: Number(argmax(row) === label), sureness: softmax(row)[label]! }
  })
  scored.sort((a, b) => a.right - b.right || a.sureness - b.sureness || a.index - b.index)
  const count = Math.ceil(share * scored.length)
  return scored
    .slice(0, count)
    .map(({ index }) => index)
    .sort((a, b) => a - b)
}

export interface HardExampleStage {
  readonly stage: string
  /** the best weights of the task */
  readonly parameters: HostTensors
  /** the model's logits under these weights on the task's training examples */
  readonly logits: readonly Float32Array[]
  readonly share: number
  readonly options: OptimisationConfig
}

/**
 * @param task what the model was trained by
 * @returns a task for trainModel that goes on with the hard examples; when no epoch of it lowers the validation NLL, the
 *   weights that it started from are its result. Tensors that only the loss needs start afresh.
 */
export function hardExampleTask(
  task: TrainingTask,
  { stage, parameters, logits, share, options }: HardExampleStage,
): TrainingTask {
  const chosen = hardExamples(logits, task.train.labels, share)
  return {
    ...task,
    stage,
    initial: parameters,
    train: {
      sequences: chosen.map((i) => task.train.sequences[i]!),
      labels: chosen.map((i) => task.train.labels[i]!),
    },
    teacherLogits: task.teacherLogits && chosen.map((i) => task.teacherLogits![i]!),
    startCounts: true,
    options,
  }
}
