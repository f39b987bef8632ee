import type { Question, Reply } from './deeds.ts'
import { element, part, say } from './element.ts'

/** Asks once, in front of everything else. Resolves with undefined when the person thinks better of it. */
export class QuestionBox {
  readonly #dialog = part('question', HTMLDialogElement)
  readonly #title = part('question-title', HTMLHeadingElement)
  readonly #text = part('question-text', HTMLParagraphElement)
  readonly #form = part('question-form', HTMLFormElement)
  readonly #reason = part('question-reason', HTMLInputElement)
  readonly #duration = part('question-duration', HTMLSelectElement)
  readonly #yes = part('question-yes', HTMLButtonElement)

  constructor() {
    for (const [value, words] of DURATIONS) this.#duration.append(element('option', { value }, words))
    part('question-no', HTMLButtonElement).addEventListener('click', () => this.#dialog.close())
  }

  async ask({ title, text, yes, wants, isLoud }: Question): Promise<Reply | undefined> {
    if (this.#dialog.open) return undefined
    say(this.#title, title)
    say(this.#text, text)
    say(this.#yes, yes)
    this.#yes.className = isLoud ? 'loud' : ''
    this.#reason.value = ''
    this.#reason.required = wants === 'shelf'
    labelOf(this.#reason).hidden = wants === 'nothing'
    labelOf(this.#duration).hidden = wants !== 'shelf'
    const { promise, resolve } = Promise.withResolvers<Reply | undefined>()
    const answered = new AbortController()
    const { signal } = answered
    this.#form.addEventListener(
      'submit',
      event => {
        event.preventDefault()
        resolve({ reason: this.#reason.value.trim(), duration: this.#duration.value })
        this.#dialog.close()
      },
      { signal },
    )
    this.#dialog.addEventListener('close', () => resolve(undefined), { signal })
    this.#dialog.showModal()
    const first = wants === 'nothing' || isLoud ? this.#yes : this.#reason
    first.focus()
    const reply = await promise
    answered.abort()
    return reply
  }

  /** Takes back what is being asked. */
  close(): void {
    if (this.#dialog.open) this.#dialog.close()
  }
}

const DURATIONS = [
  ['15m', '15 minutes'],
  ['1h', '1 hour'],
  ['4h', '4 hours'],
  ['8h', '8 hours'],
  ['24h', '24 hours'],
] as const

function labelOf(field: HTMLElement): HTMLElement {
  return field.closest('label') ?? field
}
