/** When an answer is too late to be worth running for. Pure. */

/** Time that a request gets whose budget no idle server could meet, as a multiple of what an idle server needs. */
const INFEASIBLE_ALLOWANCE = 2
/** And this much more than that time at least, ms: the system holds up a process for as long, which is no queue. */
const LEAST_SLACK_MS = 5

/**
 * The budget counts from arrival. A budget that is below what the chosen tier needs on an idle server was accepted all
 * the same (a named tier, or `on_budget_miss: fastest`): such a request is not dropped for that, only when waiting makes
 * it later still.
 * @param idleMs predicted time from arrival to answer with nothing ahead
 * @returns on the clock of `arrivalMs`; undefined without a budget
 */
export function requestDeadlineMs(arrivalMs: number, budgetMs: number | undefined, idleMs: number): number | undefined {
  if (budgetMs === undefined) return undefined
  return arrivalMs + (idleMs <= budgetMs ? budgetMs : Math.max(INFEASIBLE_ALLOWANCE * idleMs, idleMs + LEAST_SLACK_MS))
}
