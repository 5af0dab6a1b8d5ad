/** What every phase of the serving bench works with. */
import type { Random } from '../../training/random.js'
import type { RunningServer } from '../host/running-server.js'
import type { LoadGenerator } from '../load/load-generator.js'
import type { PredictClient } from '../load/predict-client.js'

export interface BenchContext {
  readonly server: RunningServer
  readonly load: LoadGenerator
  /** for requests of a bench's own, from this thread */
  readonly client: PredictClient
  readonly random: Random
}
