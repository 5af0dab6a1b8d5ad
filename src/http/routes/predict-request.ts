/** From a request that fits the schema to what the classifier is asked; checks what a schema cannot say. */
/// <reference lib="es2024.string" />
import { InvalidRequest, PayloadTooLarge } from '../../errors.js'
import type { ClassifyRequest } from '../../serving/types.js'
import { MAX_TEXT_BYTES, type PredictBody, type PredictHeaders } from './predict-schema.js'

/**
 * Headers win over the body.
 * @throws InvalidRequest for a blank text, one with a lone surrogate, or min_confidence with a named tier;
 *   PayloadTooLarge for a text above 1 MiB
 */
export function classifyRequest(
  body: PredictBody,
  headers: PredictHeaders,
  call: { arrivalMs: number; signal: AbortSignal },
): ClassifyRequest {
  const family = headers['x-family'] ?? body.family
  const tier = headers['x-tier'] ?? body.tier ?? 'auto'
  if (body.min_confidence !== undefined && tier !== 'auto') {
    throw violation('min_confidence', `goes with tier auto only; a named tier ("${tier}") is always obeyed`)
  }
  const budgetMs = headers['x-latency-budget-ms'] ?? body.latency_budget_ms
  const asked: { -readonly [K in keyof ClassifyRequest]: ClassifyRequest[K] } = {
    texts: checkedTexts(body),
    tier,
    onBudgetMiss: body.on_budget_miss,
    longText: body.long_text,
    arrivalMs: call.arrivalMs,
    signal: call.signal,
  }
  if (family !== undefined) asked.family = family
  if (budgetMs !== undefined) asked.budgetMs = budgetMs
  if (body.min_confidence !== undefined) asked.minConfidence = body.min_confidence
  if (body.abstain_below !== undefined) asked.abstainBelow = body.abstain_below
  return asked
}

function checkedTexts({ text, texts }: PredictBody): readonly string[] {
  if (text !== undefined) {
    checkText(text, 'text')
    return [text]
  }
  // the schema has exactly one of the two
  const list = texts as string[]
  for (const [index, one] of list.entries()) checkText(one, `texts/${index}`)
  return list
}

function checkText(text: string, pointer: string): void {
  const bytes = Buffer.byteLength(text, 'utf8')
  if (bytes > MAX_TEXT_BYTES) {
    throw new PayloadTooLarge(`${pointer} has ${bytes} bytes of UTF-8; a text may have at most ${MAX_TEXT_BYTES}`)
  }
  if (!text.isWellFormed()) {
    throw violation(pointer, 'has a lone surrogate (half of a UTF-16 pair), which is no character; repair the text')
  }
  if (text.trim() === '') throw violation(pointer, 'must not be blank')
}

function violation(pointer: string, detail: string): Error {
  return Object.assign(new InvalidRequest(`${pointer} ${detail}`), {
    violations: [{ in: 'body' as const, pointer: `/${pointer}`, detail }],
  })
}
