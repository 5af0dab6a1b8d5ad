/**
 * General distillation: a student learns its teacher's insides on unlabelled text, before there is a task, so that it starts
 * task distillation from more than random weights.
 * @see Jiao et al. 2020 (TinyBERT), section 3.2; Wang et al. 2021 (MiniLMv2)
 */
import { InvalidConfiguration } from '../../src/errors.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { saveCheckpoint, saveEncoder } from '../checkpoint/save-checkpoint.js'
import { batchRows } from '../data/batch-rows.js'
import type { BatchPlan } from '../data/length-buckets.js'
import { padBatch } from '../data/pad-batch.js'
import type { Evaluator, Tensors } from '../engine/types.js'
import { type EncoderBatch, encode } from '../nn/encoder.js'
import { makeInference, makeTrainStep } from '../optim/train-step.js'
import { createRandom } from '../random.js'
import { type CorpusModel, type CorpusStage, corpusLoop, corpusOptimiser, validationPlans } from './corpus-stage.js'
import { checkLosses, type LossesConfig, needsTeacherLogits } from './losses-config.js'
import { predictSequences } from './predict-sequences.js'
import { studentLoss } from './student-loss.js'
import { finishedLoop, type LoopResult, trainingLoop } from './training-loop.js'

/** TinyBERT's: hidden states and attention scores. */
export const GENERAL_LOSSES: LossesConfig = {
  hidden: { weight: 1, layers: 'uniform' },
  attention: { weight: 1, layers: 'uniform', form: 'auto' },
}

interface Figures {
  /** the weighted sum of the losses, without dropout */
  readonly validationLoss: number
}

export interface GenerallyDistilled extends CorpusModel {
  readonly trained: LoopResult<Figures>
}

/**
 * Distils the teacher into the student on unlabelled text, or reads the student back when the stage was finished before, and
 * writes its checkpoint: with a classifier only where soft targets trained it.
 * @param losses any but hard targets; soft targets ask for a teacher that was fine-tuned, and run it over the corpus first
 * @throws InvalidConfiguration when a loss needs labels, or does not fit the two models
 */
export async function distilOnCorpus(
  stage: CorpusStage,
  student: CorpusModel,
  teacher: CorpusModel,
  losses: LossesConfig = GENERAL_LOSSES,
): Promise<GenerallyDistilled> {
  const { config } = student
  const { options, seed, files, onEvent, tokenizerJson, windows } = stage
  checkCorpusLosses(losses, student, teacher)
  const loss = studentLoss(losses, config, teacher)
  const finished = await finishedLoop<LoopResult<Figures>>(files, stage.stage, onEvent)
  const trained = finished ?? (await distil())
  const { parameters } = trained
  const save = needsTeacherLogits(losses) ? saveCheckpoint : saveEncoder
  await save(stage.checkpointFolder, { config, parameters, tokenizerJson })
  return { config, parameters, trained }

  async function distil(): Promise<LoopResult<Figures>> {
    const own = loss.initialParameters?.(createRandom(seed)) ?? {}
    const logits = needsTeacherLogits(losses) ? await teacherLogits(stage, teacher) : undefined
    const batchOf = (side: 'train' | 'validation', plan: BatchPlan): HostTensors => ({
      ...tokensOf(windows[side], plan, stage.tokenizer.padId),
      ...(logits && { teacherLogits: batchRows(logits[side], plan.indices) }),
    })
    const measure = async (evaluator: Evaluator) => {
      let sum = 0
      for (const plan of validationPlans(stage)) {
        const { loss } = await evaluator.run(batchOf('validation', plan))
        sum += loss!.values[0]! * plan.indices.length
      }
      const validationLoss = sum / windows.validation.length
      return { minimised: validationLoss, figures: { validationLoss } }
    }
    return trainingLoop<Figures>(
      {
        ...corpusLoop(stage),
        initial: { ...student.parameters, ...own },
        frozen: loss.frozen,
        step: makeTrainStep({
          config,
          loss,
          ...(options.dropout > 0 && { dropout: { rate: options.dropout } }),
          accumulation: options.accumulation,
          optimiser: corpusOptimiser(config, options),
        }),
        batch: (plan) => batchOf('train', plan),
        kept: (all) => Object.fromEntries(Object.entries(all).filter(([name]) => own[name] === undefined)),
        validation: {
          parameters: (all) => ({ ...all, ...loss.frozen }),
          infer: (parameters, batch) => {
            const collect = loss.collect ?? {}
            const outputs = encode(parameters, config, batch as Tensors & EncoderBatch, { collect })
            return { loss: loss.compute({ outputs, batch, frozen: parameters, parameters }).total }
          },
          measure,
        },
      },
      stage.engine,
      files,
      onEvent,
    )
  }
}

function checkCorpusLosses(losses: LossesConfig, student: CorpusModel, teacher: CorpusModel): void {
  checkLosses(losses, 'losses')
  if ((losses.hard?.weight ?? 0) > 0) {
    throw new InvalidConfiguration(
      'losses.hard',
      'unlabelled text has no labels; use hidden, attention, relations, cls',
    )
  }
  if (needsTeacherLogits(losses) && student.config.labels !== teacher.config.labels) {
    throw new InvalidConfiguration(
      'losses.soft',
      `the student has ${student.config.labels} labels and the teacher ${teacher.config.labels}; give both the same, or leave soft out`,
    )
  }
  if (student.config.vocabSize !== teacher.config.vocabSize) {
    throw new InvalidConfiguration(
      'general distillation',
      `the student's vocabulary has ${student.config.vocabSize} entries, the teacher's ${teacher.config.vocabSize}; both read the same tokens`,
    )
  }
}

/** The teacher's logits on every window, computed once. */
async function teacherLogits({ engine, windows, tokenizer, ...stage }: CorpusStage, teacher: CorpusModel) {
  const evaluator = await engine.evaluator(makeInference(teacher.config), teacher.parameters)
  const batching = { ...stage, padId: tokenizer.padId }
  try {
    return {
      train: await predictSequences(evaluator, windows.train, batching),
      validation: await predictSequences(evaluator, windows.validation, batching),
    }
  } finally {
    await evaluator.dispose()
  }
}

function tokensOf(windows: readonly Int32Array[], { indices, paddedLength }: BatchPlan, padId: number) {
  return padBatch(
    indices.map((i) => windows[i]!),
    paddedLength,
    padId,
  )
}
