/** Masked-language-model training of an encoder on unlabelled text: a base for a domain, or for sizes without weights. */
import { TokenizerInvalid } from '../../src/errors.js'
import type { HostTensors } from '../../src/family/tensor.js'
import type { TextTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { saveEncoder } from '../checkpoint/save-checkpoint.js'
import { type MaskingOptions, maskedBatch, unigramBaseline } from '../data/corpus-masking.js'
import type { BatchPlan } from '../data/length-buckets.js'
import type { Evaluator, Tensors } from '../engine/types.js'
import { maskedLanguageModel, maskedLanguageModelSums } from '../losses/masked-language-model.js'
import { type EncoderBatch, encode } from '../nn/encoder.js'
import { initialMaskedLmHead, isMaskedLmParameter, maskedLmSpecs } from '../nn/masked-lm-head.js'
import { decayedParameters } from '../optim/parameter-groups.js'
import { makeTrainStep } from '../optim/train-step.js'
import { createRandom } from '../random.js'
import { type CorpusModel, type CorpusStage, corpusLoop, corpusOptimiser, validationPlans } from './corpus-stage.js'
import { finishedLoop, type LoopResult, trainingLoop } from './training-loop.js'

export interface MaskedLmStart extends CorpusModel {
  /** the head that a checkpoint came with; fresh unless given */
  readonly maskedLmHead?: HostTensors | undefined
}

interface Figures {
  /** per masked token, nats */
  readonly validationNll: number
  /** share of masked tokens that are the most likely ones */
  readonly validationAccuracy: number
}

export interface PretrainedEncoder extends MaskedLmStart {
  readonly trained: LoopResult<Figures>
}

/**
 * Trains the encoder and its masked-language-model head, or reads them back when the stage was finished before, and writes
 * the checkpoint. Validation masks the same tokens after every epoch; the baseline beside its figures is the unigram model.
 * @param share of the tokens that are hidden
 * @throws TokenizerInvalid when the vocabulary has no [MASK]
 */
export async function pretrainMaskedLm(
  stage: CorpusStage,
  start: MaskedLmStart,
  share = 0.15,
): Promise<PretrainedEncoder> {
  const { config } = start
  const { windows, options, seed, files, onEvent, tokenizerJson } = stage
  const masking = maskingOptions(stage.tokenizer, config.vocabSize, share)
  const loss = maskedLanguageModel(config)
  const head = start.maskedLmHead ?? initialMaskedLmHead(config, createRandom(seed))
  const masked = (side: readonly Int32Array[], { indices, paddedLength }: BatchPlan, label: string) => {
    const sequences = indices.map((i) => side[i]!)
    return maskedBatch(sequences, paddedLength, masking, createRandom(seed).fork(label))
  }
  const measure = async (evaluator: Evaluator) => {
    const sums = { nll: 0, correct: 0, places: 0 }
    for (const [i, plan] of validationPlans(stage).entries()) {
      const outputs = await evaluator.run(masked(windows.validation, plan, `validation mask ${i}`))
      for (const name of ['nll', 'correct', 'places'] as const) sums[name] += outputs[name]!.values[0]!
    }
    const nll = sums.nll / sums.places
    return { minimised: nll, figures: { validationNll: nll, validationAccuracy: sums.correct / sums.places } }
  }
  const trained =
    (await finishedLoop<LoopResult<Figures>>(files, stage.stage, onEvent)) ??
    (await trainingLoop<Figures>(
      {
        ...corpusLoop(stage),
        initial: { ...start.parameters, ...head },
        step: makeTrainStep({
          config,
          loss,
          ...(options.dropout > 0 && { dropout: { rate: options.dropout } }),
          accumulation: options.accumulation,
          optimiser: corpusOptimiser(config, options, decaysWithHead(start)),
        }),
        batch: (plan, step) => masked(windows.train, plan, `mask ${step}`),
        baseline: unigramBaseline(windows.train, windows.validation, masking),
        validation: {
          infer: (parameters, batch) => {
            const outputs = encode(parameters, config, batch as Tensors & EncoderBatch, {
              collect: { hiddenStates: true },
            })
            return maskedLanguageModelSums(parameters, config, outputs, batch)
          },
          measure,
        },
      },
      stage.engine,
      files,
      onEvent,
    ))
  const entries = Object.entries(trained.parameters)
  const parameters = Object.fromEntries(entries.filter(([name]) => !isMaskedLmParameter(name)))
  const maskedLmHead = Object.fromEntries(entries.filter(([name]) => isMaskedLmParameter(name)))
  await saveEncoder(stage.checkpointFolder, { config, parameters, maskedLmHead, tokenizerJson })
  return { config, parameters, maskedLmHead, trained }
}

function decaysWithHead({ config }: CorpusModel): (name: string) => boolean {
  const headKinds = new Map(maskedLmSpecs(config).map(({ name, kind }) => [name, kind]))
  const encoderDecays = decayedParameters(config)
  return (name) => (headKinds.has(name) ? headKinds.get(name) === 'kernel' : encoderDecays(name))
}

function maskingOptions(tokenizer: TextTokenizer, vocabSize: number, share: number): MaskingOptions {
  const { maskId, padId, clsId, sepId, unkId } = tokenizer
  if (maskId === undefined) {
    throw new TokenizerInvalid('of the corpus', 'has no [MASK] token; masked-language-model training needs one')
  }
  // a table may have more rows than the tokenizer has tokens; those stand for nothing
  const known = Math.min(vocabSize, tokenizer.vocabSize)
  return { share, maskId, padId, specialIds: new Set([padId, clsId, sepId, unkId, maskId]), vocabSize: known }
}
