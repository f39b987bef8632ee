import type { Writable } from 'node:stream'
import { plainJsonText, plainLines } from '../../model/plain.ts'

/** Writes to standard output or a file at the pace of whoever reads it, so that a long answer is never held in memory. */
export class Printer {
  readonly #stream: Writable

  constructor(stream: Writable) {
    this.#stream = stream
    // Told by `print`. Without a listener a reader that ends first (`| head`) would end the process with an error.
    stream.on('error', () => {})
  }

  /** Prints lines for a person. Resolves when they are taken; false when nobody reads any more. */
  print(text: string): Promise<boolean> {
    return this.#write(plainLines(text))
  }

  /** Prints one line that a program reads, as it is; on a terminal with whatever would steer it escaped, as JSON does. */
  printJson(json: string): Promise<boolean> {
    const isSeen = 'isTTY' in this.#stream && this.#stream.isTTY === true
    return this.#write(`${isSeen ? plainJsonText(json) : json}\n`)
  }

  /** Prints what its form has made plain already, with line ends of its own. */
  printPlain(text: string): Promise<boolean> {
    return this.#write(text)
  }

  #write(text: string): Promise<boolean> {
    return new Promise(resolve => this.#stream.write(text, error => resolve(!error)))
  }
}
