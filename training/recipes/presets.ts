/** Training configurations that ship with lextier: the two bundled families, and a complete run that needs nothing. */
import { InvalidConfiguration } from '../../src/errors.js'
import { parseTrainingConfig, type TrainingConfig } from './config.js'

const OYEZ = 'Facts of US Supreme Court cases as told by Oyez, collected by the JUSTICE data set (arXiv 2112.03414). '

/**
 * 6 x 384 teacher, students of a half and a sixth of its encoder, each started from the teacher's own layers. Students read
 * the state of [CLS], for which serving skips most of the last layer: the fast tier then costs a twentieth, and measured as good.
 */
const MINILM_FAMILY = {
  max_tokens: 512,
  window_overlap: 64,
  bucket_width: 128,
  run_length: 16,
  teacher: {
    base: 'hf:sentence-transformers/all-MiniLM-L6-v2',
    pooling: 'mean',
    pooler: 'none',
    precision: 'int8',
  },
}

const MINILM_STUDENT = { pooling: 'cls', precision: 'int8' }

const PRESETS: Readonly<Record<string, unknown>> = {
  'scotus-outcome': {
    ...MINILM_FAMILY,
    name: 'scotus-outcome',
    description: 'Does the first party win at the US Supreme Court, judging by the facts of the case alone?',
    data: {
      text_column: 'facts',
      label_column: 'first_party_winner',
      label_map: { TRUE: 'first_party_wins', FALSE: 'first_party_loses' },
      time_column: 'term',
      description: `${OYEZ}The label is first_party_winner.`,
      licence: 'CC BY-NC 4.0',
    },
    teacher: { ...MINILM_FAMILY.teacher, epochs: 6, batch_size: 32, learning_rate: 1e-4, layer_decay: 0.85 },
    students: [
      {
        tier: 'balanced',
        teacher_layers: [0, 2, 5],
        epochs: 8,
        batch_size: 32,
        learning_rate: 1e-4,
        ...MINILM_STUDENT,
      },
      { tier: 'fast', teacher_layers: [0], epochs: 8, batch_size: 32, learning_rate: 1e-4, ...MINILM_STUDENT },
    ],
  },
  'scotus-issue': {
    ...MINILM_FAMILY,
    name: 'scotus-issue',
    description: 'Which area of law is a US Supreme Court case about, judging by its facts?',
    data: {
      text_column: 'facts',
      label_column: 'issue_area',
      time_column: 'term',
      min_class_count: 40,
      rare_classes: 'drop',
      description: `${OYEZ}The label is issue_area; areas of fewer than 40 cases are left out.`,
      licence: 'CC BY-NC 4.0',
    },
    teacher: {
      ...MINILM_FAMILY.teacher,
      epochs: 12,
      batch_size: 32,
      learning_rate: 2e-4,
      layer_decay: 0.85,
      patience: 4,
      members: 2,
    },
    students: [
      { tier: 'balanced', teacher_layers: [0, 2, 5], epochs: 16, learning_rate: 1e-4, patience: 5, ...MINILM_STUDENT },
      { tier: 'fast', teacher_layers: [0], epochs: 16, learning_rate: 1e-4, patience: 5, ...MINILM_STUDENT },
    ],
  },
  smoke: {
    name: 'smoke',
    description: 'Criminal or civil? A complete tiny run on made-up cases, to see that everything works.',
    data: {
      text_column: 'facts',
      label_column: 'kind',
      description: 'Sentences about invented cases, drawn from a small grammar by the smoke preset itself.',
    },
    max_tokens: 64,
    window_overlap: 16,
    bucket_width: 32,
    run_length: 4,
    bootstrap_resamples: 200,
    teacher: {
      architecture: { layers: 2, hidden_size: 64, heads: 4, intermediate_size: 128 },
      epochs: 6,
      learning_rate: 2e-3,
    },
    students: [
      { tier: 'balanced', teacher_layers: [0], epochs: 4, learning_rate: 2e-3 },
      {
        tier: 'fast',
        architecture: { layers: 1, hidden_size: 32, heads: 2, intermediate_size: 64 },
        epochs: 6,
        learning_rate: 3e-3,
        precision: 'int8',
      },
    ],
  },
}

export const PRESET_NAMES = Object.keys(PRESETS)

/** @throws InvalidConfiguration when there is no such preset */
export function preset(name: string): TrainingConfig {
  const raw = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined
  if (raw === undefined) {
    throw new InvalidConfiguration('--preset', `there is no preset "${name}"; there are ${PRESET_NAMES.join(', ')}`)
  }
  return parseTrainingConfig(raw, `preset ${name}`)
}
