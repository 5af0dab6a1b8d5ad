import { text as readAll } from 'node:stream/consumers'
import { type AttributedText, type AttributedToken, attributeText } from '../../training/attribution/attribute-text.js'
import { LARGE_DELTA } from '../../training/attribution/convergence.js'
import { l2Normalised } from '../../training/attribution/similarity.js'
import { FamilyInvalid, InvalidConfiguration, InvalidRequest, TierNotFound } from '../errors.js'
import type { TierName } from '../family/family-schema.js'
import { loadFamily, tierPaths } from '../family/load-family.js'
import { softmax } from '../family/softmax.js'
import { openExplainer } from '../onnx/explain-session.js'
import { openTier } from '../onnx/tier-session.js'
import { htmlToText } from '../tokenizer/html-text.js'
import { loadTokenizer } from '../tokenizer/text-tokenizer.js'
import { colouredTokens } from './coloured-tokens.js'
import { threadsOption } from './threads-option.js'

export interface AttributeFlags {
  readonly family: string
  readonly tier: string
  readonly text: string
  readonly label?: string
  readonly threads?: string
  readonly json?: boolean
}

/** Tokens that are listed below the text. */
const LISTED = 10

export async function runAttribution(flags: AttributeFlags): Promise<void> {
  const family = await loadFamily(flags.family, { verify: 'hashes' })
  const { labels, tiers, name, maxTokens, windowOverlap } = family.manifest
  const tier = tiers.find((candidate) => candidate.tier === flags.tier)
  if (!tier) throw new TierNotFound(flags.tier, name, tiers.map((each) => each.tier).join(', '))
  const explainFile = tierPaths(family, flags.tier as TierName).explain
  if (!explainFile) {
    throw new FamilyInvalid(
      flags.family,
      `tier "${tier.tier}" has no explain.onnx; add it with lextier explain --family`,
    )
  }
  const target = flags.label === undefined ? undefined : labels.indexOf(flags.label)
  if (target === -1) throw new InvalidConfiguration('--label', `"${flags.label}" is none of: ${labels.join(', ')}`)
  // as training and serving read it: without markup
  const text = htmlToText(flags.text === '-' ? await readAll(process.stdin) : flags.text)
  if (text === '') throw new InvalidRequest('--text has nothing to read')
  const device = { provider: 'cpu', ...threadsOption(flags) } as const
  const model = await openTier(family, tier.tier, device)
  const explainer = await openExplainer(explainFile, tier.config, device)
  const tokenizer = loadTokenizer(family.paths.tokenizer)
  const began = performance.now()
  let found: AttributedText
  try {
    found = await attributeText({ model, explainer, tokenizer, maxTokens, windowOverlap }, text, target)
  } finally {
    await model.release()
    await explainer.release()
  }
  const seconds = (performance.now() - began) / 1000
  const shares = l2Normalised(found.tokens.map(({ attribution }) => attribution))
  const answer = {
    family: name,
    version: family.version,
    tier: tier.tier,
    label: labels[found.target]!,
    probability: softmax(Float32Array.from(found.logits), tier.calibration.temperature)[found.target]!,
    logit: found.logits[found.target]!,
    delta: found.delta,
    windows: found.windows,
    seconds,
    text,
    tokens: found.tokens.map((token, i) => ({
      token: text.slice(token.start, token.end),
      ...token,
      normalised: shares[i]!,
    })),
  }
  if (Math.abs(found.delta) > LARGE_DELTA) {
    process.stderr.write(`WARNING the attributions do not add up to the logit's rise (delta ${found.delta})\n`)
  }
  if (flags.json) console.log(JSON.stringify(answer, null, 2))
  else print(answer)
}

interface Answer {
  readonly label: string
  readonly probability: number
  readonly text: string
  readonly delta: number
  readonly tokens: readonly (AttributedToken & { readonly token: string })[]
}

function print({ label, probability, text, tokens, delta }: Answer): void {
  const colours = process.stdout.isTTY === true && process.env.NO_COLOR === undefined
  console.log(`${label}, probability ${probability.toFixed(3)} (convergence delta ${delta.toExponential(1)} logits)\n`)
  console.log(colours ? colouredTokens(text, tokens) : text)
  console.log('\nin logits; above 0 speaks for the label')
  const strongest = tokens.toSorted((a, b) => Math.abs(b.attribution) - Math.abs(a.attribution)).slice(0, LISTED)
  for (const { token, attribution } of strongest) {
    console.log(`${attribution >= 0 ? '+' : '−'}${Math.abs(attribution).toFixed(4)}  ${token}`)
  }
}
