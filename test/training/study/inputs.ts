import type { StudyInputs } from '../../../training/study/model-shapes.js'
import { parseStudyConfig } from '../../../training/study/study-config.js'

export const SIZES = { layers: 2, hidden_size: 32, heads: 2, intermediate_size: 64 }

/** A study of one teacher and two students on two seeds. */
export const STUDY = {
  name: 'tiny-study',
  data: { text_column: 'facts', label_column: 'kind', id_column: 'id' },
  seeds: [1, 2],
  max_tokens: 32,
  bucket_width: 32,
  bootstrap_resamples: 50,
  teacher: { architecture: SIZES, epochs: 3, batch_size: 8, learning_rate: 3e-3 },
  students: [
    { name: 'half', architecture: { ...SIZES, layers: 1 }, epochs: 2, batch_size: 8, learning_rate: 3e-3 },
    {
      name: 'thin',
      architecture: { ...SIZES, layers: 1, hidden_size: 16 },
      epochs: 1,
      batch_size: 8,
      learning_rate: 3e-3,
    },
  ],
  methods: ['control', 'vanilla', { name: 'hidden', losses: { soft: { weight: 1 }, hidden: { layers: 'late' } } }],
}

const SPLIT = { validation: 0.25, test: 0.25 }

export const study = (change: object = {}) =>
  parseStudyConfig({ ...STUDY, ...('folds' in change ? {} : { split: SPLIT }), ...change }, 'study.yaml')

export const INPUTS: StudyInputs = {
  labels: 2,
  folds: [{ key: 'fold-0', tokenizer: 'vocabulary', vocabSize: 100 }],
  checkpoints: new Map(),
}
