/** Training as a person watches it (bars on a terminal, the majority line always in sight) or a program does (NDJSON). */
import { Presets, SingleBar } from 'cli-progress'
import { eventRecord, type OnEvent, type TrainingEvent } from '../../training/recipes/events.js'
import type { Family } from '../family/load-family.js'

export interface TrainingProgress {
  readonly onEvent: OnEvent
  finished(family: Family): void
  stop(): void
}

/** @returns bars on stderr where it is a terminal, otherwise one JSON object a line on stdout */
export function trainingProgress(): TrainingProgress {
  return process.stderr.isTTY ? terminalProgress() : ndjsonProgress()
}

function ndjsonProgress(): TrainingProgress {
  const print = (event: object) => process.stdout.write(`${JSON.stringify(event)}\n`)
  return {
    onEvent: (event) => print(eventRecord(event)),
    finished: (family) => print({ type: 'family', folder: family.dir, ...summary(family) }),
    stop: () => {},
  }
}

function terminalProgress(): TrainingProgress {
  const format = '{stage} [{bar}] {value}/{total} steps  loss {loss}{majority}  {rate} texts/s  ETA {left}'
  const bar = new SingleBar({ format, hideCursor: true, clearOnComplete: true, stream: process.stderr }, Presets.legacy)
  let running = false
  const stop = () => {
    if (running) bar.stop()
    running = false
  }
  const say = (line: string) => {
    stop()
    process.stderr.write(`${line}\n`)
  }
  return {
    onEvent(event) {
      if (event.type !== 'step') return say(sentence(event))
      const values = {
        stage: event.stage.padEnd(8),
        loss: event.loss.toFixed(3),
        majority:
          event.majorityAccuracy === undefined ? '' : `  majority ${(100 * event.majorityAccuracy).toFixed(1)}%`,
        rate: event.sequencesPerSecond.toFixed(0),
        left: duration(event.etaSeconds),
      }
      if (running) bar.update(event.step, values)
      else bar.start(event.steps, event.step, values)
      running = true
    },
    finished(family) {
      stop()
      const { tiers, majority_accuracy } = summary(family)
      console.table(tiers)
      console.log(`majority baseline: accuracy ${majority_accuracy.toFixed(3)}\nfamily written to ${family.dir}`)
    },
    stop,
  }
}

function sentence(event: Exclude<TrainingEvent, { type: 'step' }>): string {
  switch (event.type) {
    case 'message':
      return event.message
    case 'warning':
      return `WARNING ${event.message}`
    case 'stage':
      return `${event.stage} ${event.state}: ${event.detail}`
    case 'progress': {
      const left = event.etaSeconds === undefined ? '' : `  ETA ${duration(event.etaSeconds)}`
      return `[${event.index}/${event.stages}] ${event.stage}${left}`
    }
    case 'epoch':
      return `${event.stage} epoch ${event.epoch}/${event.epochs}  train loss ${event.trainLoss.toFixed(4)}${validation(event)}${event.best ? '  best' : ''}`
  }
}

function validation(event: Extract<TrainingEvent, { type: 'epoch' }>): string {
  const figure = (name: string, value?: number, majority?: number) => {
    if (value === undefined) return ''
    return `  ${name} ${value.toFixed(4)}${majority === undefined ? '' : ` (majority ${majority.toFixed(4)})`}`
  }
  return (
    figure('validation loss', event.validationLoss) +
    figure('validation NLL', event.validationNll, event.majorityNll) +
    figure('accuracy', event.validationAccuracy, event.majorityAccuracy)
  )
}

function summary({ manifest, version }: Family) {
  return {
    name: manifest.name,
    version,
    majority_accuracy: manifest.majority.accuracy,
    tiers: manifest.tiers.map(({ tier, architecture, parameters, precision, quality, teacherAgreement }) => ({
      tier,
      architecture,
      parameters,
      precision,
      accuracy: quality.accuracy.value,
      accuracy_low: quality.accuracy.low,
      accuracy_high: quality.accuracy.high,
      macro_f1: quality.macroF1.value,
      auc: quality.auc.value,
      nll: quality.nll.value,
      ece: quality.ece.value,
      teacher_agreement: teacherAgreement?.value ?? 1,
    })),
  }
}

function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}
