import type { FamilyManifest } from '../../src/family/family-schema.js'

/** Expected calibration error above which probabilities should not be read as frequencies. */
const LARGE_ECE = 0.1
/** Below this many test examples a 95% interval of accuracy is wider than about ±5 points. */
const SMALL_TEST_SPLIT = 400

/** @returns what a reader of the card should be warned about, a sentence each: consequences of the figures, no opinions */
export function cardWarnings(manifest: FamilyManifest): string[] {
  const { majority, tiers } = manifest
  const warnings: string[] = []
  for (const { tier, quality, training } of tiers) {
    const { accuracy, auc, nll, ece } = quality
    const rate = percent(majority.accuracy)
    if (accuracy.high < majority.accuracy) {
      warnings.push(`\`${tier}\` is worse than always answering "${majority.label}" (${rate}).`)
    } else if (accuracy.low <= majority.accuracy) {
      warnings.push(
        `\`${tier}\` is near chance: the interval of its accuracy (${percent(accuracy.low)} to ${percent(accuracy.high)}) includes the majority rate (${rate}), so this test does not show that it beats always answering "${majority.label}".`,
      )
    }
    if (auc.low <= 0.5) {
      warnings.push(`\`${tier}\` may not rank cases better than a coin: the interval of its AUC includes 0.5.`)
    }
    if (ece.value > LARGE_ECE) {
      warnings.push(
        `\`${tier}\` is poorly calibrated (ECE ${ece.value.toFixed(3)}): do not read its probabilities as odds.`,
      )
    }
    if (nll.value > majority.nll) {
      warnings.push(
        `\`${tier}\` gives probabilities that are no better than the label shares: NLL ${nll.value.toFixed(3)} against ${majority.nll.toFixed(3)}.`,
      )
    }
    if (training.steps === 0) warnings.push(`\`${tier}\` has not been trained: its weights are the initial ones.`)
  }
  const examples = tiers[0]?.quality.examples ?? 0
  if (examples < SMALL_TEST_SPLIT) {
    warnings.push(
      `The test split has only ${examples} examples: differences of a few points between tiers mean nothing.`,
    )
  }
  return warnings
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`
}
