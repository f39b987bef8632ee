import { TcpGate } from '../../tcp-gate.ts'

const HEADER = 8

/**
 * Stands between an agent and its server, and reads along. In what the server says over a channel without security it puts other
 * words: of the same length, so that no length field has to change. What is signed it lets through.
 */
export class Liar extends TcpGate {
  /** Everything that the agent has sent. */
  readonly heard: readonly Buffer[]

  constructor(target: number, truth: string, lie: string) {
    if (truth.length !== lie.length) throw new TypeError(`${lie} is not as long as ${truth}`)
    const heard: Buffer[] = []
    super(target, (inside, outside) => {
      let rest = Buffer.alloc(0)
      let isSecured = false
      return {
        asked: bytes => {
          heard.push(bytes)
          // The first that an agent sends after it has opened the way says under which policy the channel is to be.
          isSecured ||= bytes.toString('latin1').startsWith('OPN') && !bytes.includes('SecurityPolicy#None')
          outside.write(bytes)
        },
        answered: bytes => {
          rest = Buffer.concat([rest, bytes])
          while (rest.length >= HEADER && rest.length >= rest.readUInt32LE(4)) {
            const message = rest.subarray(0, rest.readUInt32LE(4))
            rest = rest.subarray(message.length)
            const text = message.toString('latin1')
            const isLie = !isSecured && text.startsWith('MSG')
            inside.write(isLie ? Buffer.from(text.replaceAll(truth, lie), 'latin1') : message)
          }
        },
      }
    })
    this.heard = heard
  }
}
