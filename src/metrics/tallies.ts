/**
 * Counters and histograms whose series are found by their labels' values, one look-up a label. Those of prom-client join, check and
 * hash the labels anew for each of the ten observations that a request makes; it writes these out all the same.
 */
import type { Metric, Registry } from 'prom-client'

export interface TallyNaming<L extends string> {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly L[]
  readonly registry: Registry
}

interface Sample {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

type Branch<S> = Map<string, Branch<S> | S>

/** What counters and histograms have in common: a series for each set of label values. */
abstract class Tally<L extends string, S> {
  readonly name: string
  readonly help: string
  readonly aggregator = 'sum'
  abstract readonly type: 'counter' | 'histogram'
  readonly #labelNames: readonly L[]
  readonly #root: Branch<S> = new Map()
  readonly #all: { readonly labels: Readonly<Record<string, string>>; readonly series: S }[] = []

  constructor({ name, help, labelNames, registry }: TallyNaming<L>) {
    this.name = name
    this.help = help
    this.#labelNames = labelNames
    // what the registry asks of a metric is `get`, and its name, help and type
    registry.registerMetric(this as unknown as Metric)
  }

  /** @param values of the labels, in the order of their names */
  of(...values: string[]): S {
    let branch = this.#root
    const last = values.length - 1
    for (let depth = 0; depth < last; depth++) {
      const known = branch.get(values[depth]!) as Branch<S> | undefined
      const next = known ?? new Map()
      if (!known) branch.set(values[depth]!, next)
      branch = next
    }
    const series = branch.get(values[last]!) as S | undefined
    return series ?? this.#begin(branch, values)
  }

  /** for prom-client's registry */
  async get() {
    const values = this.#all.flatMap(({ labels, series }) => this.samples(labels, series))
    return { name: this.name, help: this.help, type: this.type, aggregator: this.aggregator, values }
  }

  protected abstract newSeries(): S
  protected abstract samples(labels: Readonly<Record<string, string>>, series: S): Sample[]

  #begin(branch: Branch<S>, values: readonly string[]): S {
    const series = this.newSeries()
    branch.set(values.at(-1)!, series)
    const labels = Object.fromEntries(this.#labelNames.map((name, index) => [name, values[index]!]))
    this.#all.push({ labels, series })
    return series
  }
}

class Count {
  total = 0

  inc(): void {
    this.total++
  }
}

export class TallyCounter<L extends string> extends Tally<L, Count> {
  override readonly type = 'counter'

  protected override newSeries(): Count {
    return new Count()
  }

  protected override samples(labels: Readonly<Record<string, string>>, { total }: Count): Sample[] {
    return [{ labels, value: total }]
  }
}

class Distribution {
  readonly #bounds: readonly number[]
  /** of each bucket alone; the last is above every bound */
  readonly counts: Float64Array
  sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  /** Values that are not finite are passed over: one would make the sum useless for good. */
  observe(value: number): void {
    if (!Number.isFinite(value)) return
    let bucket = 0
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket++
    this.counts[bucket]! += 1
    this.sum += value
  }
}

export class TallyHistogram<L extends string> extends Tally<L, Distribution> {
  override readonly type = 'histogram'
  readonly #bounds: readonly number[]

  /** @param bounds of the buckets, inclusive, ascending */
  constructor(naming: TallyNaming<L>, bounds: readonly number[]) {
    super(naming)
    this.#bounds = bounds
  }

  protected override newSeries(): Distribution {
    return new Distribution(this.#bounds)
  }

  protected override samples(labels: Readonly<Record<string, string>>, { counts, sum }: Distribution): Sample[] {
    let count = 0
    const buckets = [...this.#bounds, '+Inf'].map((le, bucket) => {
      count += counts[bucket]!
      return { metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: count }
    })
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels, value: sum },
      { metricName: `${this.name}_count`, labels, value: count },
    ]
  }
}
