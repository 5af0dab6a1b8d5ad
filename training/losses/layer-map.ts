import { InvalidConfiguration } from '../../src/errors.js'

/** A student's layer and the teacher's layer that it learns from; layers count from 1, 0 is the embeddings. */
export type LayerPair = readonly [student: number, teacher: number]

export type LayerMapSpec = 'uniform' | 'all' | 'first-middle-last' | 'late' | readonly LayerPair[]

export interface LayerMapSizes {
  readonly studentLayers: number
  readonly teacherLayers: number
  /** whether layer 0, the embeddings, may take part: hidden states have it, attention does not */
  readonly embeddings?: boolean
}

/**
 * Which student layer learns from which teacher layer. For S student and T teacher layers:
 * - `uniform`: i ↔ i · T/S, the embeddings included where there are any; T must be a multiple of S
 * - `all`: i ↔ i, the embeddings included where there are any; T must equal S
 * - `first-middle-last`: 1 ↔ 1, ⌈(S+1)/2⌉ ↔ ⌈(T+1)/2⌉, S ↔ T; both need at least 3
 * - `late`: i ↔ T − S + i; T must be at least S
 * - a list: as it stands
 * @param setting the key of the map, for the message
 * @throws InvalidConfiguration when the map does not fit, with what would
 * @see Jiao et al. 2020 (TinyBERT), section 3.2, for uniform; Sun et al. 2019 (PKD), section 3.2, for late ("last")
 */
export function layerMap(spec: LayerMapSpec, sizes: LayerMapSizes, setting = 'layers'): LayerPair[] {
  const { studentLayers: student, teacherLayers: teacher, embeddings = false } = sizes
  const refuse = (why: string): never => {
    throw new InvalidConfiguration(setting, `${why}. What fits: ${fittingMaps(sizes).join(', ')}`)
  }
  const layers = Array.from({ length: student }, (_, i) => i + 1)
  const from = embeddings ? [0, ...layers] : layers
  if (spec === 'uniform') {
    if (teacher % student !== 0) {
      refuse(`uniform needs a multiple of the student's ${count(student)}, and the teacher has ${teacher}`)
    }
    return from.map((layer) => [layer, (layer * teacher) / student])
  }
  if (spec === 'all') {
    if (teacher !== student) {
      refuse(`all needs as many layers in both, and the student has ${student}, the teacher ${teacher}`)
    }
    return from.map((layer) => [layer, layer])
  }
  if (spec === 'late') {
    if (teacher < student) refuse(`late needs a teacher of at least ${count(student)}, and it has ${teacher}`)
    return layers.map((layer) => [layer, teacher - student + layer])
  }
  if (spec === 'first-middle-last') {
    if (Math.min(student, teacher) < 3) {
      refuse(`first-middle-last needs 3 layers in both, and the student has ${student}, the teacher ${teacher}`)
    }
    return [
      [1, 1],
      [middle(student), middle(teacher)],
      [student, teacher],
    ]
  }
  const lowest = embeddings ? 0 : 1
  const within = (layer: number, last: number) => Number.isInteger(layer) && layer >= lowest && layer <= last
  for (const [i, [own, others]] of spec.entries()) {
    if (!within(own, student) || !within(others, teacher)) {
      refuse(
        `the pair [${own}, ${others}] is out of range: [student, teacher] layers count from ${lowest}` +
          `${embeddings ? ' (the embeddings)' : ''} to ${student} and ${teacher}`,
      )
    }
    if (spec.findIndex(([a, b]) => a === own && b === others) < i) refuse(`the pair [${own}, ${others}] occurs twice`)
  }
  return [...spec]
}

/** @returns the specs that fit models of these sizes; a list, as an example, always does */
function fittingMaps({ studentLayers: student, teacherLayers: teacher }: LayerMapSizes): string[] {
  const named = {
    uniform: teacher % student === 0,
    all: teacher === student,
    'first-middle-last': Math.min(student, teacher) >= 3,
    late: teacher >= student,
  }
  const fitting = Object.entries(named).flatMap(([name, fits]) => (fits ? [name] : []))
  return [...fitting, `a list of [student, teacher] pairs such as [[${student}, ${teacher}]]`]
}

function middle(layers: number): number {
  return Math.ceil((layers + 1) / 2)
}

function count(layers: number): string {
  return layers === 1 ? '1 layer' : `${layers} layers`
}
