/** A RemoteClassifier and its ClassifierHost in one process: messages cross as they do between two, copied, in order and later. */
import type { Served } from '../../../src/serving/remote/classifier-host.js'
import { ClassifierHost } from '../../../src/serving/remote/classifier-host.js'
import { decodeMessage, encodeMessage } from '../../../src/serving/remote/message-frames.js'
import type { FrontMessage, HostMessage } from '../../../src/serving/remote/protocol.js'
import { RemoteClassifier } from '../../../src/serving/remote/remote-classifier.js'
import type { ClassifyRequest, ClassifyResult } from '../../../src/serving/types.js'

export interface Joined {
  readonly front: RemoteClassifier
  readonly host: ClassifierHost
  readonly toHost: FrontMessage[]
  readonly toFront: HostMessage[]
  readonly answered: ClassifyResult[]
  readonly rejected: string[]
  classify(request?: Partial<ClassifyRequest>): Promise<ClassifyResult>
}

/** @returns once the front knows what is served */
export async function join(served: Served): Promise<Joined> {
  const toHost: FrontMessage[] = []
  const toFront: HostMessage[] = []
  const answered: ClassifyResult[] = []
  const rejected: string[] = []
  const front: RemoteClassifier = new RemoteClassifier({
    send: (message) => {
      toHost.push(message)
      const copy = decodeMessage(framed(message)) as FrontMessage
      setImmediate(() => host.receive(copy))
    },
    observer: { answered: (result) => answered.push(result), rejected: (reason) => rejected.push(reason) },
  })
  const host = new ClassifierHost(served, (message) => {
    toFront.push(message)
    const copy = decodeMessage(framed(message)) as HostMessage
    setImmediate(() => front.receive(copy))
  })
  host.tellReadiness()
  host.tellState()
  await turns(2)
  const classify = (request: Partial<ClassifyRequest> = {}) =>
    front.classify({ ...REQUEST, arrivalMs: performance.now(), ...request })
  return { front, host, toHost, toFront, answered, rejected, classify }
}

/** @returns the words of the message's frame, without the frame's head */
function framed(message: object): Int32Array {
  const bytes = encodeMessage(message)
  return new Int32Array(bytes.buffer, bytes.byteOffset + 4, bytes.length / 4 - 1)
}

const REQUEST = { texts: ['the court'], tier: 'fast', onBudgetMiss: 'fastest', longText: 'windows' } as const

/** Of the event loop: a message takes two, one to be sent and one to arrive. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}
