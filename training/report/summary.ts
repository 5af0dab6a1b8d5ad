import type { StudyResults } from '../study/results.js'
import { interval, listed, milliseconds, percent, percentInterval, points, pValue, whole } from './figures.js'
import { describeCall, latencyOf, type Recommendation, recommend, SIGNIFICANCE } from './recommendation.js'

/** What a reader who stops after one paragraph should know, a sentence each; the verdict first. */
export function summarySentences(results: StudyResults): string[] {
  if (results.models.length === 0) {
    return ['No model was trained to its end, so there is nothing to deploy; the failures below say why.']
  }
  const recommendation = recommend(results)
  return [...verdict(results, recommendation), ...ofDistillation(results), ...ofFailures(results)]
}

function verdict(results: StudyResults, recommendation: Recommendation): string[] {
  const { majority } = results
  const { model, best, call } = recommendation
  const always = `always answering “${majority.label}”`
  if (!best) return []
  if (!model) {
    const { accuracy, nll } = best.quality
    const sentences = [
      `Deploy none of these models for their labels: the best, ${best.name}, is no better than majority. It reaches ${percent(accuracy.value)} accuracy ${percentInterval(accuracy)}; ${always} reaches ${percent(majority.accuracy)}.`,
    ]
    if (nll.high < majority.nll) {
      sentences.push(
        `Its probabilities do say something: NLL ${nll.value.toFixed(3)} ${interval(nll)} nats against ${majority.nll.toFixed(3)} for the label shares.`,
      )
    }
    return sentences
  }
  const { accuracy } = model.quality
  const measured = `${percent(accuracy.value)} accuracy ${percentInterval(accuracy)}, against ${percent(majority.accuracy)} for ${always}`
  const latency = call && latencyOf(model, call)
  const speed = latency
    ? `${milliseconds(latency.p50Ms)} ms a call (${describeCall(call)})`
    : `${whole(model.parameters / 1e6)} million parameters`
  if (model === best) {
    return [
      `Deploy ${model.name}, the most accurate model: ${measured}; ${speed}. No ${latency ? 'faster' : 'smaller'} one comes within a point of it.`,
    ]
  }
  const slower = call && latencyOf(best, call)
  const instead = slower
    ? ` instead of ${milliseconds(slower.p50Ms)}`
    : ` instead of ${whole(best.parameters / 1e6)} million`
  return [
    `Deploy ${model.name}: ${measured}. The most accurate model, ${best.name}, is ${points(best.quality.accuracy.value - accuracy.value).replace('+', '')} points above it (${percent(best.quality.accuracy.value)}); this one needs ${speed}${instead}.`,
  ]
}

/** What the comparisons with fine-tuned controls say, and no more than they say. */
function ofDistillation({ comparisons, models }: StudyResults): string[] {
  const kindOf = new Map(models.map(({ name, kind }) => [name, kind]))
  const withControls = comparisons.filter(({ b }) => kindOf.get(b) === 'control')
  if (withControls.length === 0)
    return ['Nothing here tells whether distilling helped: no student has a fine-tuned control.']
  const significant = withControls.filter(({ pHolm }) => pHolm < SIGNIFICANCE)
  const better = significant.filter(({ accuracy }) => accuracy.value > 0)
  const worse = significant.filter(({ accuracy }) => accuracy.value < 0)
  const named = (found: typeof withControls) =>
    listed(found.map(({ a, accuracy, pHolm }) => `${a} (${points(accuracy.value)} points, p ${withSign(pHolm)})`))
  const of = `${withControls.length} ${withControls.length === 1 ? 'comparison' : 'comparisons'} of a distilled model with its fine-tuned control`
  if (significant.length === 0) {
    const differences = withControls.map(({ accuracy }) => accuracy.value)
    const range = `${points(Math.min(...differences))} to ${points(Math.max(...differences))} points`
    const limits = `${points(Math.min(...withControls.map(({ accuracy }) => accuracy.low)))} to ${points(Math.max(...withControls.map(({ accuracy }) => accuracy.high)))}`
    return [
      `Whether distilling helped cannot be told: in ${of}, none differs significantly in accuracy after Holm's correction (differences ${range}, intervals from ${limits}).`,
    ]
  }
  const sentences: string[] = []
  if (better.length > 0) sentences.push(`Distilling helped in ${better.length} of ${of}: ${named(better)}.`)
  if (worse.length > 0) sentences.push(`It hurt in ${worse.length} of ${of}: ${named(worse)}.`)
  const rest = withControls.length - significant.length
  if (rest > 0) sentences.push(`The other ${rest} cannot be told from no difference.`)
  return sentences
}

function withSign(p: number): string {
  const text = pValue(p)
  return text.startsWith('<') ? text : `= ${text}`
}

function ofFailures({ failures }: StudyResults): string[] {
  if (failures.length === 0) return []
  return [`${failures.length} ${failures.length === 1 ? 'stage' : 'stages'} failed, so the comparison is incomplete.`]
}
