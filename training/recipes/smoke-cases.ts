/**
 * Invented cases for the smoke preset: a small grammar whose words lean towards one of two labels, with enough shared
 * vocabulary and label noise that a classifier has something to learn and something left to get wrong.
 */
import { createRandom, type Random } from '../random.js'

const PLACES = ['Ohio', 'Texas', 'Maine', 'Oregon', 'Kansas', 'Georgia']
const COURTS = ['district court', 'court of appeals', 'state supreme court', 'magistrate']
const CRIMINAL = [
  'was arrested for burglary',
  'was convicted of robbery by a jury',
  'was sentenced to ten years in prison',
  'was searched by police officers without a warrant',
  'confessed to officers before seeing a lawyer',
  'was indicted for selling narcotics',
]
const CIVIL = [
  'sued the company for breach of contract',
  'claimed damages for a defective product',
  'challenged a tax on imported goods',
  'asked for the unpaid wages of three years',
  'brought suit over a patent licence',
  'objected to the merger of two railroads',
]
const SHARED = [
  'The {court} denied the motion.',
  'The {court} in {place} affirmed the judgment.',
  'On appeal, the {court} reversed.',
  'The parties disagreed about the evidence.',
  'A hearing was held in {place}.',
  'The record was sealed for two years.',
]
const LABEL_NOISE = 0.06

export interface SmokeCase {
  readonly id: string
  readonly facts: string
  readonly kind: 'criminal' | 'civil'
}

/** @returns `count` cases, the same for the same seed; about 55% are criminal */
export function smokeCases(count: number, seed: number): SmokeCase[] {
  const random = createRandom(seed)
  return Array.from({ length: count }, (_, i) => smokeCase(`case-${i + 1}`, random))
}

/** @returns the cases as a CSV file's text */
export function smokeCsv(cases: readonly SmokeCase[]): string {
  return `id,facts,kind\n${cases.map(({ id, facts, kind }) => `${id},"${facts}",${kind}`).join('\n')}\n`
}

function smokeCase(id: string, random: Random): SmokeCase {
  const criminal = random.next() < 0.55
  const place = pick(PLACES, random)
  const sentences = [`A resident of ${place} ${pick(criminal ? CRIMINAL : CIVIL, random)}.`]
  for (let i = 1 + random.integer(4); i > 0; i--) sentences.push(fill(pick(SHARED, random), random))
  if (random.next() < 0.4) sentences.push(`The resident ${pick(criminal ? CRIMINAL : CIVIL, random)}.`)
  const flipped = random.next() < LABEL_NOISE
  return { id, facts: random.shuffle(sentences).join(' '), kind: criminal === flipped ? 'civil' : 'criminal' }
}

function fill(sentence: string, random: Random): string {
  return sentence.replace('{court}', pick(COURTS, random)).replace('{place}', pick(PLACES, random))
}

function pick<T>(items: readonly T[], random: Random): T {
  return items[random.integer(items.length)]!
}
