/** The peers that lextier is compared with. */
import type { Peer } from './peer.js'
import { pythonPeer } from './python-candidate.js'
import { PYTHON_PEERS } from './python-peers.js'
import { transformersJs } from './transformers-js-peer.js'

export const PEERS: readonly Peer[] = [...PYTHON_PEERS.map(pythonPeer), transformersJs]
