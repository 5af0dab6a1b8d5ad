import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { parameterSpecs } from '../../src/family/parameters.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { loadCheckpoint } from '../checkpoint/load-checkpoint.js'
import { initialParameters } from '../nn/initialise.js'
import { studentFromTeacherLayers } from '../nn/student-from-teacher.js'
import { createRandom } from '../random.js'
import { checkpointName } from '../recipes/base-model.js'
import type { StageStore } from './stage-store.js'
import type { Start } from './stages.js'
import type { StudySources } from './study-sources.js'

export interface StartingWeights {
  readonly parameters: HostTensors
  /** of a checkpoint that has one */
  readonly maskedLmHead?: HostTensors | undefined
}

/**
 * @param seed decides what is random: all of it, or the classifier
 * @returns the weights that a model starts from
 */
export async function startingWeights(
  start: Start,
  encoder: EncoderConfig,
  seed: number,
  { sources, store }: { sources: StudySources; store: StageStore },
): Promise<StartingWeights> {
  switch (start.kind) {
    case 'random':
      return { parameters: initialParameters(encoder, createRandom(seed)) }
    case 'checkpoint': {
      const { folder } = await sources.checkpoint(start.base)
      const { labels, pooling, pooler } = encoder
      return loadCheckpoint(folder, { labels, seed, pooling, pooler, maskedLmHead: true })
    }
    case 'layers': {
      const { parameters } = await startingWeights(start.of, start.encoder, seed, { sources, store })
      return { parameters: studentFromTeacherLayers(parameters, start.encoder, encoder, start.layers) }
    }
    case 'stage': {
      const trained = await store.parameters(start.stage)
      if (start.as === 'fine-tuned') return { parameters: trained }
      // a stage without labels trains no classifier
      const fresh = initialParameters(encoder, createRandom(seed))
      const own = (name: string) => (name.startsWith('classifier.') ? fresh[name]! : (trained[name] ?? fresh[name]!))
      return { parameters: Object.fromEntries(parameterSpecs(encoder).map(({ name }) => [name, own(name)])) }
    }
  }
}

/** @returns how the weights were initialised, as a phrase for the report */
export function describeStart(start: Start): string {
  switch (start.kind) {
    case 'random':
      return 'random'
    case 'checkpoint':
      return `pre-trained checkpoint ${checkpointName(start.base)}`
    case 'layers': {
      const whose = start.of.kind === 'stage' && start.of.as === 'fine-tuned' ? 'the fine-tuned' : 'the untrained'
      return `layers ${start.layers.join(', ')}, embeddings and head of ${whose} ${start.model}`
    }
    case 'stage':
      return {
        general: 'general distillation',
        pretrained: 'masked-language-model pre-training',
        'fine-tuned': 'the trained student',
      }[start.as]
  }
}
