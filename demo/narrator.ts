/** Tells the story, unless it is to be silent, and keeps count of what held. */
export class Narrator {
  readonly #silent: boolean
  readonly #kept: string[] = []
  readonly #broken: string[] = []

  constructor(silent: boolean) {
    this.#silent = silent
  }

  /** What was promised and did not hold. */
  get broken(): readonly string[] {
    return this.#broken
  }

  get promises(): number {
    return this.#kept.length + this.#broken.length
  }

  say(text = ''): void {
    if (!this.#silent) process.stdout.write(`${text}\n`)
  }

  chapter(number: number, title: string): void {
    this.say()
    this.say(`${number}. ${title}`)
  }

  /** Notes whether something held that the demo promises. The story goes on either way. */
  expect(what: string, held: boolean): void {
    const list = held ? this.#kept : this.#broken
    list.push(what)
    this.say(`   ${held ? '✓' : '✗'} ${what}`)
  }
}
