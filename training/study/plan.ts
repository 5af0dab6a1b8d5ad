/** From a configuration to the stages that have to be run and the models that they make. Pure. */
import { InvalidConfiguration } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { OptimisationConfig } from '../recipes/config.js'
import { checkObjective } from './check-objective.js'
import { CONTROL, namedMethod } from './methods.js'
import { ModelShapes, type StudyInputs } from './model-shapes.js'
import type { ModelKind } from './results.js'
import { StageList } from './stage-list.js'
import type { FitStage, LatencyStage, ModelRun, PlannedModel, Start, StudyPlan, TeacherRef } from './stages.js'
import type { StudyChain, StudyConfig, StudyMethod, StudyStudent, StudyTeacher } from './study-schema.js'

export interface PlanScope {
  /** for every student; those of the configuration unless told otherwise */
  readonly seeds?: readonly number[]
  /** all unless told otherwise */
  readonly folds?: readonly number[]
}

const FINE_TUNING = namedMethod(CONTROL).losses

/** A model and what it is in one report row, before its runs are known. */
type Row = Omit<PlannedModel, 'runs' | 'latency' | 'attribution'>

/**
 * @param inputs what the configuration's files hold: folds, vocabularies, checkpoints
 * @throws InvalidConfiguration when an architecture, a start or a loss does not fit, with what would
 */
export function planStudy(config: StudyConfig, inputs: StudyInputs, scope: PlanScope = {}): StudyPlan {
  const { seeds = config.seeds, folds = inputs.folds.map((_, fold) => fold) } = scope
  const groups = folds.flatMap((fold) => seeds.map((seed) => ({ seed, fold })))
  const students = scope.seeds ? config.students.map(({ seeds: _, ...student }) => student) : config.students
  const stages = new StageList(config, inputs)
  const rows = new Map<string, Row & { runs: ModelRun[] }>()
  for (const [index, group] of groups.entries())
    new GroupPlan({ ...config, students }, inputs, stages, rows, {
      ...group,
      index,
      label: groupLabel(group, groups),
    }).add()
  const encoders = [...rows.values()].map(({ runs }) => stages.fit(runs[0]!.stage).encoder)
  const { calls, warnings } = fittingCalls(config, Math.min(...encoders.map(({ maxPositions }) => maxPositions)))
  const models = [...rows.values()].map((row, i): PlannedModel => {
    const providers = config.latency?.providers ?? []
    const latency = providers.map((provider) => stages.latency(encoders[i]!, provider, calls))
    return { ...row, latency, attribution: attributionOf(config, stages, row) }
  })
  return { stages: stages.all, models, groups, warnings }
}

/**
 * Longer calls are cut to what every model of the study takes: on a front, all are timed on the same.
 * @param limit tokens that the model of the fewest positions takes
 */
function fittingCalls({ latency }: StudyConfig, limit: number): { calls: LatencyStage['calls']; warnings: string[] } {
  const asked = latency?.calls ?? []
  const cut = asked.map(({ batch, tokens }) => ({ batch, tokens: Math.min(tokens, limit) }))
  const calls = cut.filter(
    (call, i) => cut.findIndex(({ batch, tokens }) => batch === call.batch && tokens === call.tokens) === i,
  )
  const longest = Math.max(...asked.map(({ tokens }) => tokens))
  if (longest <= limit) return { calls, warnings: [] }
  const why = `latency.calls: not all models take ${longest} tokens; calls of more than ${limit} are timed with ${limit}`
  return { calls, warnings: [why] }
}

function attributionOf(config: StudyConfig, stages: StageList, { name, runs }: Row & { runs: ModelRun[] }) {
  if (!config.attribution) return undefined
  const [run] = runs
  return stages.attribution(name, run!.stage, run!.references[0]?.stage ?? run!.stage, run!.fold)
}

interface Group {
  readonly seed: number
  readonly fold: number
  readonly index: number
  /** what sets its stages' names apart */
  readonly label: string
}

function groupLabel({ seed, fold }: { seed: number; fold: number }, groups: StudyPlan['groups']): string {
  const several = (of: 'seed' | 'fold') => new Set(groups.map((group) => group[of])).size > 1
  return `${several('seed') ? `, seed ${seed}` : ''}${several('fold') ? `, fold ${fold + 1}` : ''}`
}

/** What one seed needs on one fold. */
class GroupPlan {
  private readonly shapes: ModelShapes
  private readonly teachers = new Map<string, TeacherRef>()

  constructor(
    private readonly config: StudyConfig,
    inputs: StudyInputs,
    private readonly stages: StageList,
    private readonly rows: Map<string, Row & { runs: ModelRun[] }>,
    private readonly group: Group,
  ) {
    this.shapes = new ModelShapes(config, inputs, stages, group.fold)
  }

  add(): void {
    const { config } = this
    for (const teacher of config.teachers) this.addTeacher(teacher)
    const students = config.students.filter(({ seeds }) => seeds?.includes(this.group.seed) ?? true)
    for (const student of students) {
      const methods = config.methods.filter(({ name }) => student.methods?.includes(name) ?? true)
      for (const method of methods) this.addStudent(student, method)
    }
    const linked = ({ path }: StudyChain) => path.slice(1).every((link) => students.some(({ name }) => name === link))
    for (const chain of config.chains.filter(linked)) this.addChain(chain)
  }

  private addTeacher(teacher: StudyTeacher): void {
    const { name, members } = teacher
    const { encoder, start } = this.shapes.teacher(name)
    const base = { encoder, start, optimisation: teacher, isTeacher: true }
    let stage: FitStage
    if (members === 1) {
      stage = this.fit(name, { ...base, losses: FINE_TUNING, teachers: [] })
    } else {
      const refs = Array.from({ length: members }, (_, member): TeacherRef => {
        const model = `${name} member ${member + 1}`
        const seed = this.group.seed * 1000 + member + 1
        const fitted = this.fit(model, { ...base, losses: FINE_TUNING, teachers: [], seed })
        return this.reference(fitted, model, 1)
      })
      const losses = teacher.losses!
      checkObjective(`teachers.${name}.losses`, losses, encoder, undefined)
      stage = this.fit(name, { ...base, losses, teachers: refs })
    }
    this.teachers.set(name, this.reference(stage, name, teacher.weight))
    const method = members === 1 ? 'fine-tuning' : `distillation of ${members} fine-tunings`
    this.addRun({ name, kind: 'teacher', method }, stage.key, [])
  }

  private addStudent(student: StudyStudent, method: StudyMethod): void {
    const control = method.name === CONTROL
    const refs = this.teachersOf(student)
    const { encoder, start } = this.shapes.student(student, (name) => this.teachers.get(name)!.stage)
    const name = `${student.name}/${method.name}`
    const stage = this.distil(name, student, encoder, start, method, control ? [] : refs)
    const hasControl = !control && (student.methods ?? this.config.methods.map((m) => m.name)).includes(CONTROL)
    const row = {
      kind: (control ? 'control' : 'student') as ModelKind,
      method: method.name,
      ...(!control && { teacher: refs.map(({ model }) => model).join(' + ') }),
      ...(hasControl && { control: `${student.name}/${CONTROL}` }),
    }
    this.addRun({ name, ...row }, stage.key, refs)
    const hard = this.config.hard_examples
    if (!hard || !(hard.methods?.includes(method.name) ?? true)) return
    const outputs = this.stages.outputs(stage, this.group.index)
    const continued = this.stages.addFit({
      ...stage,
      name: `${name}+hard${this.group.label}`,
      start: { kind: 'stage', stage: stage.key, as: 'fine-tuned' },
      optimisation: hard,
      hard: { outputs, share: hard.share },
      group: this.group.index,
    })
    this.addRun({ name: `${name}+hard`, ...row, method: `${method.name}+hard` }, continued.key, refs)
  }

  private addChain({ name, path, method: methodName }: StudyChain): void {
    const method = this.config.methods.find((candidate) => candidate.name === methodName) ?? namedMethod(methodName)
    let previous = this.teachers.get(path[0]!)!
    for (const [i, link] of path.slice(1).entries()) {
      const student = this.config.students.find((candidate) => candidate.name === link)!
      const { encoder, start } = this.shapes.student(student, (teacher) => this.teachers.get(teacher)!.stage)
      const last = i === path.length - 2
      const label = last ? name : `${link}/${method.name}`
      const stage = this.distil(label, student, encoder, start, method, [previous], !last)
      if (last) {
        const hasControl = this.rows.has(`${link}/${CONTROL}`)
        const row = { kind: 'chain' as const, method: `${method.name} chain`, teacher: path.slice(0, -1).join(' → ') }
        this.addRun({ name, ...row, ...(hasControl && { control: `${link}/${CONTROL}` }) }, stage.key, [previous])
      } else {
        previous = this.reference(stage, link, 1)
      }
    }
  }

  private distil(
    name: string,
    student: StudyStudent,
    encoder: EncoderConfig,
    start: Start,
    method: StudyMethod,
    refs: readonly TeacherRef[],
    isTeacher = false,
  ): FitStage {
    const inside = refs[0] && this.stages.fit(refs[0].stage).encoder
    checkObjective(`${student.name} by ${method.name}`, method.losses, encoder, inside)
    return this.fit(name, { encoder, start, optimisation: student, losses: method.losses, teachers: refs, isTeacher })
  }

  private fit(
    name: string,
    settings: Pick<FitStage, 'encoder' | 'start' | 'losses' | 'teachers' | 'isTeacher'> & {
      optimisation: OptimisationConfig
      seed?: number
    },
  ): FitStage {
    const { seed, fold, index, label } = this.group
    return this.stages.addFit({
      seed,
      fold,
      group: index,
      confidence: this.config.teacher_confidence,
      ...settings,
      name: name + label,
    })
  }

  private reference(stage: FitStage, model: string, weight: number): TeacherRef {
    return { stage: stage.key, outputs: this.stages.outputs(stage, this.group.index), model, weight }
  }

  private teachersOf(student: StudyStudent): TeacherRef[] {
    const names = student.teachers ?? this.config.teachers.map(({ name }) => name)
    const refs = names.map((name) => this.teachers.get(name)!)
    if (refs.some(({ weight }) => weight > 0)) return refs
    throw new InvalidConfiguration(`students.${student.name}.teachers`, 'all their weights are 0; give one above 0')
  }

  private addRun(row: Row, stage: string, references: readonly TeacherRef[]): void {
    const { seed, fold } = this.group
    const known = this.rows.get(row.name) ?? { ...row, runs: [] }
    const held = references.map(({ stage, weight }) => ({ stage, weight }))
    known.runs.push({ seed, fold, stage, references: held })
    this.rows.set(row.name, known)
  }
}
