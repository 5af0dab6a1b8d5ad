/**
 * What is served, across reloads. A reload starts a new generation (a classifier with engines of its own) beside the one
 * that serves, and requests go over to it at one moment, when it has loaded, warmed up and rehearsed:
 *
 *     generation 1 ────────── serves ──────────┬─ finishes what it accepted ─ ends
 *     generation 2 ─ starting ─ warming up ────┴─ serves ───────────────────────────
 *
 * A family whose new version cannot be served stays with the generation that has the old one, which then goes on beside
 * the new generation, in memory: its files may be gone from the disk.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Draining, FamilyNotFound, NotReady } from '../errors.js'
import type { BrokenFamily, FamilyListing } from '../family/list-families.js'
import type { Family } from '../family/load-family.js'
import type { RequestedProvider, ServingLog } from './classifier-options.js'
import type {
  Classifier,
  ClassifyRequest,
  ClassifyResult,
  FamilyStatus,
  Readiness,
  RequestHead,
  TokenizerDefinition,
} from './types.js'

export interface GenerationsOptions {
  /**
   * Starts a classifier of these families, and returns without waiting for its engines.
   * @param provider the one that serves already: a reload never changes it; undefined at the start
   */
  start(families: readonly Family[], provider: RequestedProvider | undefined): Promise<Classifier>
  /**
   * @param names what could be asked for
   * @returns the family of requests that name none
   * @throws InvalidConfiguration when the one configured is not there
   */
  defaultFamily(names: readonly string[]): string | undefined
  readonly log: ServingLog
}

interface Generation {
  readonly number: number
  readonly classifier: Classifier
}

interface Route {
  readonly family: Family
  readonly generation: Generation
}

/** What a reload did, by the families' names. */
export interface ReloadReport {
  /** served in a version that was not served before */
  readonly loaded: readonly string[]
  readonly removed: readonly string[]
  /** not served in the state that their folders are in */
  readonly refused: readonly string[]
}

const POLL_MS = 25
/** Minutes on an emulated GPU; an engine that hangs must not keep later reloads waiting for ever. */
const START_TIMEOUT_MS = 600_000
const NOTHING_CHANGED = { loaded: [], removed: [] }

export class FamilyGenerations implements Classifier {
  readonly #options: GenerationsOptions
  #routes: ReadonlyMap<string, Route> = new Map()
  #default: string | undefined
  /** why folders are not served, or not in their present state; by the name of the family */
  #refused: ReadonlyMap<string, BrokenFamily> = new Map()
  /** names that could not be served from the start: the server is not ready without them */
  #missing: ReadonlySet<string> = new Set()
  #generations = 0
  /** serves even when no family is routed to it, which happens at the start only */
  #newest: Generation | undefined
  #reloading: Promise<unknown> = Promise.resolve()
  /** generations that no longer serve and have work left */
  readonly #ending = new Set<Promise<void>>()
  #draining: Promise<void> | undefined

  private constructor(options: GenerationsOptions) {
    this.#options = options
  }

  /** @throws InvalidConfiguration when the default family is not there */
  static async start({ families, broken }: FamilyListing, options: GenerationsOptions): Promise<FamilyGenerations> {
    const generations = new FamilyGenerations(options)
    generations.#default = options.defaultFamily(namesOf({ families, broken }))
    const generation = await generations.#begin(families, undefined)
    generations.#newest = generation
    // it may have found more broken ones: those whose tokenizer cannot be loaded
    const refused = new Map(broken.map((folder) => [folder.name, folder]))
    const routes = new Map<string, Route>()
    for (const family of families) {
      const { name } = family.manifest
      if (statusOf({ family, generation })) routes.set(name, { family, generation })
      else refused.set(name, { dir: family.dir, name, reason: refusalBy(generation.classifier, name)! })
    }
    generations.#routes = routes
    generations.#refused = refused
    generations.#missing = new Set(refused.keys())
    return generations
  }

  /** The families that answer, by name. */
  served(): Family[] {
    return [...this.#routes.values()].map(({ family }) => family).sort(byName)
  }

  refused(): BrokenFamily[] {
    return [...this.#refused.entries()].map(([name, folder]) => ({ ...folder, name }))
  }

  defaultFamily(): string | undefined {
    return this.#default
  }

  classify(request: ClassifyRequest): Promise<ClassifyResult> {
    const name = request.family ?? this.#default
    const route = name === undefined ? undefined : this.#routes.get(name)
    if (route) {
      // a request is copied only to name its family
      const named = { family: route.family.manifest.name }
      const asked = request.family === undefined ? Object.assign({}, request, named) : request
      return route.generation.classifier.classify(asked)
    }
    if (this.#draining) return Promise.reject(new Draining())
    if (name !== undefined && this.#refused.has(name)) {
      return Promise.reject(new NotReady(`family "${name}" could not be loaded; GET /v1/families says why`))
    }
    return Promise.reject(new FamilyNotFound(name ?? '', [...this.#routes.keys()].sort().join(', ') || 'none'))
  }

  refusal(head: RequestHead): Error | undefined {
    // without a name in the head, the body may have one
    const name = head.family ?? (this.#routes.size === 1 ? this.#default : undefined)
    const route = name === undefined ? undefined : this.#routes.get(name)
    const { tier, budgetMs, arrivalMs } = head
    return route?.generation.classifier.refusal?.({ family: name, tier, budgetMs, arrivalMs })
  }

  families(): readonly FamilyStatus[] {
    return this.served().flatMap(({ manifest }) => statusOf(this.#routes.get(manifest.name)!) ?? [])
  }

  tokenizer(family: string): TokenizerDefinition | undefined {
    return this.#routes.get(family)?.generation.classifier.tokenizer?.(family)
  }

  readiness(): Readiness {
    const reasons = [...this.#missing].map(
      (name) => `family "${name}" cannot be served: ${this.#refused.get(name)?.reason}`,
    )
    let starting = false
    for (const generation of this.#serving()) {
      const state = generation.classifier.readiness()
      starting ||= state.starting ?? false
      // it may hold families that others serve, or none does
      const foreign = generation.classifier
        .families()
        .filter(({ family }) => this.#routes.get(family)?.generation !== generation)
        .flatMap((status) => status.reasons)
      reasons.push(...state.reasons.filter((reason) => !foreign.includes(reason)))
    }
    const draining = this.#draining !== undefined
    if (draining) reasons.unshift('draining')
    const all = [...new Set(reasons)]
    return { ready: all.length === 0, draining, reasons: all, starting }
  }

  drain(): Promise<void> {
    this.#draining ??= this.#drain()
    return this.#draining
  }

  /**
   * Serves what the folder holds now. Reloads run one after the other.
   * @param list reads the models folder, and checks every hash; called when earlier reloads are over
   * @returns what it did; nothing changes where the default family would go or where no family would be left
   * @throws what `list` throws; InvalidConfiguration when the configured default family would go
   */
  reload(list: () => Promise<FamilyListing>): Promise<ReloadReport> {
    const reload = this.#reloading.then(async () => this.#reload(await list()))
    this.#reloading = reload.catch(() => {})
    return reload
  }

  async #reload(listing: FamilyListing): Promise<ReloadReport> {
    if (this.#draining) throw new Draining()
    const refusals = new Map(listing.broken.map((folder) => [this.#familyIn(folder), folder]))
    const good = listing.families.filter(({ manifest }) => !refusals.has(manifest.name))
    const kept = [...refusals.keys()].filter((name) => this.#routes.has(name))
    // thrown before anything starts
    this.#options.defaultFamily(namesOf(listing))
    const names = new Set([...good.map(({ manifest }) => manifest.name), ...kept])
    const removed = [...this.#routes.keys()].filter((name) => !names.has(name))
    const changed = good.filter((family) => !this.#serves(family))
    if (names.size === 0 || (changed.length === 0 && removed.length === 0)) {
      this.#note(refusals)
      return { ...NOTHING_CHANGED, refused: [...refusals.keys()] }
    }
    const routes = new Map(kept.map((name) => [name, this.#routes.get(name)!]))
    if (good.length > 0) await this.#tryGeneration(good, routes, refusals)
    if (this.#draining) throw new Draining()
    if (routes.size === 0) {
      this.#note(refusals)
      return { ...NOTHING_CHANGED, refused: [...refusals.keys()] }
    }
    const loaded = [...routes].filter(([name, { family }]) => !this.#serves(family, name)).map(([name]) => name)
    this.#switch(routes, refusals)
    return { loaded, removed: removed.filter((name) => !routes.has(name)), refused: [...refusals.keys()] }
  }

  /** Starts a generation of these families; those that it can serve are routed to it, the others stay where they are. */
  async #tryGeneration(families: readonly Family[], routes: Map<string, Route>, refusals: Map<string, BrokenFamily>) {
    const generation = await this.#begin(families, this.#provider())
    const { classifier } = generation
    const deadlineMs = performance.now() + START_TIMEOUT_MS
    while (classifier.readiness().starting && !this.#draining && performance.now() < deadlineMs) await sleep(POLL_MS)
    for (const family of families) {
      const { name } = family.manifest
      const current = this.#routes.get(name)
      const reason = refusalBy(classifier, name)
      if (reason === undefined) routes.set(name, { family, generation })
      else {
        refusals.set(name, { dir: family.dir, name, reason })
        if (current) routes.set(name, current)
      }
    }
    const routed = [...routes.values()].some((route) => route.generation === generation)
    if (this.#draining || !routed) this.#end(generation)
  }

  /** From one moment to the next: nothing here waits. */
  #switch(routes: ReadonlyMap<string, Route>, refusals: ReadonlyMap<string, BrokenFamily>): void {
    const before = this.#serving()
    this.#routes = routes
    this.#note(refusals)
    this.#default = this.#options.defaultFamily([...new Set([...routes.keys(), ...refusals.keys()])].sort())
    const after = this.#serving()
    for (const generation of before) if (!after.has(generation)) this.#end(generation)
  }

  #note(refusals: ReadonlyMap<string, BrokenFamily>): void {
    for (const [name, { reason }] of refusals) {
      this.#options.log.error({ family: name, reason, servesOn: this.#routes.has(name) }, 'family refused')
    }
    this.#refused = refusals
    this.#missing = new Set([...this.#missing].filter((name) => refusals.has(name) && !this.#routes.has(name)))
  }

  async #begin(families: readonly Family[], provider: RequestedProvider | undefined): Promise<Generation> {
    const number = ++this.#generations
    const names = families.map(({ manifest }) => manifest.name)
    this.#options.log.info({ generation: number, families: names }, 'generation starting')
    return { number, classifier: await this.#options.start(families, provider) }
  }

  #end(generation: Generation): void {
    const { log } = this.#options
    const ended = generation.classifier.drain().then(
      () => log.info({ generation: generation.number }, 'generation ended'),
      (error: Error) => log.error({ generation: generation.number, reason: error.message }, 'generation did not end'),
    )
    this.#ending.add(ended)
    void ended.then(() => this.#ending.delete(ended))
  }

  async #drain(): Promise<void> {
    await this.#reloading
    await Promise.all([...this.#serving()].map(({ classifier }) => classifier.drain()))
    await Promise.all(this.#ending)
  }

  #serving(): Set<Generation> {
    const routed = [...this.#routes.values()].map(({ generation }) => generation)
    return new Set(routed.length > 0 || !this.#newest ? routed : [this.#newest])
  }

  #serves({ version, manifest }: Family, name = manifest.name): boolean {
    return this.#routes.get(name)?.family.version === version
  }

  /** A broken folder may not tell its family's name: it is that of the family that was loaded from there. */
  #familyIn({ dir, name }: BrokenFamily): string {
    for (const { family } of this.#routes.values()) if (family.dir === dir) return family.manifest.name
    return name
  }

  #provider(): RequestedProvider | undefined {
    const inUse = this.families().flatMap(({ tiers }) => tiers.map(({ provider }) => provider))
    return inUse.find((provider) => provider !== 'none') as RequestedProvider | undefined
  }
}

/** @returns why a generation that has started does not serve the family; undefined when it does */
function refusalBy(classifier: Classifier, name: string): string | undefined {
  const status = classifier.families().find(({ family }) => family === name)
  if (status?.ready) return undefined
  const { reasons } = classifier.readiness()
  const own = `family "${name}" cannot be served: `
  const broken = reasons.find((reason) => reason.startsWith(own))?.slice(own.length)
  return broken ?? ([...(status?.reasons ?? []), ...reasons][0] as string | undefined) ?? 'it did not become ready'
}

function statusOf({ family, generation }: Route): FamilyStatus | undefined {
  return generation.classifier.families().find((status) => status.family === family.manifest.name)
}

function namesOf({ families, broken }: FamilyListing): string[] {
  return [...families.map(({ manifest }) => manifest.name), ...broken.map(({ name }) => name)].sort()
}

function byName(a: Family, b: Family): number {
  return a.manifest.name < b.manifest.name ? -1 : 1
}
