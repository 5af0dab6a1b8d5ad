import assert from 'node:assert/strict'
import { test } from 'node:test'
import { poissonArrivals } from '../../bench/load/poisson-arrivals.js'
import { AdaptiveLevel } from '../../src/serving/adaptive-level.js'
import { QuantileWindow } from '../../src/serving/quantile-window.js'
import { createRandom } from '../../training/random.js'
import { ServingSimulation, type SimulatedAnswer, type SimulatedServer } from '../support/serving-simulation.js'

const BUDGETS_MS = [25, 56, 123, 245, 818]

/** Share of answers within their predicted time, at two loads one after the other, when the server has just been busy. */
async function calibration(server: Partial<SimulatedServer>): Promise<number[]> {
  const random = createRandom(server.seed ?? 1)
  const simulation = new ServingSimulation(server)
  const next = () => ({
    lengths: windowsOf(Math.min(1_200, 16 + Math.round(190 * Math.exp(0.5 * random.normal())))),
    budgetMs: BUDGETS_MS[random.integer(BUDGETS_MS.length)]!,
  })
  const saturated = await simulation.closedLoop(48, 3_000, next)
  const capacity = saturated.filter(({ code }) => code === undefined).length / 3
  const shares: number[] = []
  for (const load of [0.5, 0.8]) {
    const arrivals = poissonArrivals(load * capacity, 40_000, random)
    shares.push(withinPrediction(await simulation.openLoop(arrivals.map((atMs) => ({ atMs, ...next() })))))
  }
  return shares
}

function windowsOf(tokens: number): number[] {
  const windows: number[] = []
  for (let left = tokens; left > 0; left -= 190) windows.push(Math.min(256, left + 2))
  return windows
}

function withinPrediction(answers: readonly SimulatedAnswer[]): number {
  const given = answers.filter(({ code }) => code === undefined)
  return given.filter(({ actualMs, predictedMs }) => actualMs <= predictedMs).length / given.length
}

for (const [what, server] of [
  ['one engine', {}],
  ['two engines', { engines: 2 }],
  ['a pair', { paired: true }],
  ['a machine that grows slower and quicker', { drift: 0.25 }],
] as const) {
  test(`predictions hold for 95% of answers, two points more or less, at half and at most of the load: ${what}`, async () => {
    const [half, most] = await calibration({ ...server, seed: 1 })
    assert.ok(Math.abs(half! - 0.95) <= 0.02, `${half} at 50% of capacity`)
    assert.ok(Math.abs(most! - 0.95) <= 0.02, `${most} at 80% of capacity`)
  })
}

test('an adaptive level keeps its share while values grow all the time; a fixed one does not', () => {
  const random = createRandom(5)
  const window = new QuantileWindow(512, [0])
  const level = new AdaptiveLevel(0.95)
  let within = 0
  let withinFixed = 0
  for (let step = 0; step < 6_000; step++) {
    const value = step / 500 + random.normal()
    const held = value <= level.quantile(window)
    if (step >= 1_000) {
      if (held) within++
      if (value <= window.quantile(0.95)) withinFixed++
    }
    level.observe(held)
    window.observe(value)
  }
  assert.ok(Math.abs(within / 5_000 - 0.95) < 0.01, `${within / 5_000}`)
  assert.ok(withinFixed / 5_000 < 0.93, `${withinFixed / 5_000}`)
})
