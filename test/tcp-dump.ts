import { TcpGate } from './tcp-gate.ts'

/** A TCP way on which every byte of each connection is written down for text2pcap: `O` is who connected, `I` the target. */
export class TcpDump extends TcpGate {
  /** Of each connection, in order. */
  readonly dumps: readonly (readonly string[])[]

  constructor(target: number) {
    const dumps: string[][] = []
    super(target, (inside, outside) => {
      const dump: string[] = []
      dumps.push(dump)
      const noted = (direction: string, bytes: Buffer) => {
        dump.push(`${direction} 000000 ${bytes.toString('hex').replace(/../g, '$& ')}`)
        return bytes
      }
      return {
        asked: bytes => void outside.write(noted('O', bytes)),
        answered: bytes => void inside.write(noted('I', bytes)),
      }
    })
    this.dumps = dumps
  }
}
