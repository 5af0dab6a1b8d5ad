import { ShapeMismatch } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { layerPrefix, parameterSpecs } from '../../src/family/parameters.js'
import { elementCount, type HostTensors } from '../../src/family/tensor.js'

/**
 * A student that starts from some of its teacher's layers, as DistilBERT did: embeddings, pooler and classifier are copied,
 * and student layer i starts as teacher layer layers[i].
 * @param layers one teacher layer for each student layer; studentLayerMap() unless told otherwise
 * @throws ShapeMismatch when widths differ or the map does not fit; says what would
 * @see Sanh et al. 2019, section 3
 */
export function studentFromTeacherLayers(
  teacher: HostTensors,
  teacherConfig: EncoderConfig,
  studentConfig: EncoderConfig,
  layers: readonly number[] = studentLayerMap(teacherConfig.layers, studentConfig.layers),
): HostTensors {
  checkFit(teacherConfig, studentConfig, layers)
  const student: HostTensors = {}
  for (const { name, shape } of parameterSpecs(studentConfig)) {
    const source = name.replace(/^encoder\.layer\.(\d+)/, (_, layer) => layerPrefix(layers[Number(layer)]!))
    const tensor = teacher[source]
    if (tensor === undefined) {
      throw new ShapeMismatch(`the teacher has no "${source}", which the student needs; give both the same pooler`)
    }
    // a student may have fewer positions than its teacher: the first rows are the same positions
    const values = tensor.values.slice(0, elementCount(shape))
    const fits = name.includes('position_embeddings')
      ? values.length === elementCount(shape)
      : shape.join() === tensor.shape.join()
    if (!fits) {
      throw new ShapeMismatch(`"${name}" is [${shape}] in the student and [${tensor.shape}] in the teacher`)
    }
    student[name] = { shape, values }
  }
  return student
}

/**
 * Evenly spaced teacher layers, first and last included. 12 → 6 gives DistilBERT's 0, 2, 4, 7, 9, 11. A single student
 * layer starts as the first.
 * @throws ShapeMismatch when the student has more layers than the teacher
 */
export function studentLayerMap(teacherLayers: number, studentLayers: number): number[] {
  if (studentLayers > teacherLayers) {
    throw new ShapeMismatch(
      `a student of ${studentLayers} layers cannot start from a teacher of ${teacherLayers}; it may have 1 to ${teacherLayers}`,
    )
  }
  if (studentLayers === 1) return [0]
  const spacing = (teacherLayers - 1) / (studentLayers - 1)
  return Array.from({ length: studentLayers }, (_, layer) => Math.round(layer * spacing))
}

function checkFit(teacher: EncoderConfig, student: EncoderConfig, layers: readonly number[]): void {
  const widths = ['hiddenSize', 'intermediateSize', 'heads', 'vocabSize', 'labels'] as const
  for (const width of widths) {
    if (teacher[width] !== student[width]) {
      throw new ShapeMismatch(
        `a student starts from its teacher's layers only where sizes match: ${width} is ${student[width]} in the student ` +
          `and ${teacher[width]} in the teacher. Choose ${width} ${teacher[width]}, or another initialisation`,
      )
    }
  }
  const valid = layers.every((layer) => Number.isInteger(layer) && layer >= 0 && layer < teacher.layers)
  if (layers.length !== student.layers || !valid) {
    throw new ShapeMismatch(
      `the layer map [${layers}] does not fit: it needs ${student.layers} teacher layers between 0 and ` +
        `${teacher.layers - 1}, for example [${studentLayerMap(teacher.layers, student.layers)}]`,
    )
  }
}
