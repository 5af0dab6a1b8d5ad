import type { Socket } from 'node:net'
import { FrameReader } from '../frames.js'
import { decodeMessage, encodeMessage } from './message-frames.js'

/** Among an API process's streams: the pipe of messages. Node's own channel, which carries its connections, is slower. */
export const MESSAGES_FD = 3

/** One end of a pipe of messages. What is sent to an end that is gone is lost: its process's exit says what there is to say. */
export class MessagePipe<Sent extends object, Received extends object> {
  readonly #socket: Socket

  constructor(socket: Socket, onMessage: (message: Received) => void) {
    this.#socket = socket
    const reader = new FrameReader((words) => onMessage(decodeMessage(words) as Received))
    socket.on('data', (piece: Buffer) => reader.push(piece))
    socket.on('error', () => {})
  }

  send(message: Sent): void {
    if (this.#socket.writable) this.#socket.write(encodeMessage(message))
  }
}
