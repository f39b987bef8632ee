import type { Writable } from 'node:stream'

/** Writes to standard output or a file at the pace of whoever reads it, so that a long answer is never held in memory. */
export class Printer {
  readonly #stream: Writable

  constructor(stream: Writable) {
    this.#stream = stream
    // Told by `print`. Without a listener a reader that ends first (`| head`) would end the process with an error.
    stream.on('error', () => {})
  }

  /** Resolves when the text is taken; false when nobody reads any more. */
  print(text: string): Promise<boolean> {
    return new Promise(resolve => this.#stream.write(text, error => resolve(!error)))
  }
}
