import { part, say } from './element.ts'

/** The form in which a credential is given to the page: as a file, or as its text. */
export class SignIn {
  readonly #form = part('sign-in', HTMLFormElement)
  readonly #file = part('credential-file', HTMLInputElement)
  readonly #text = part('credential-text', HTMLTextAreaElement)
  readonly #said = part('sign-in-said', HTMLParagraphElement)
  readonly #submit = part('sign-in-submit', HTMLButtonElement)

  /** `give` takes the text, and returns what is wrong with it, in words. */
  constructor(give: (text: string) => Promise<string | undefined>) {
    this.#form.addEventListener('submit', event => {
      event.preventDefault()
      void this.#given(give)
    })
  }

  /** Shows the form, and why it is there. */
  show(said: string): void {
    this.#form.hidden = false
    say(this.#said, said)
    this.#said.hidden = said === ''
  }

  hide(): void {
    this.#form.hidden = true
    this.#forget()
  }

  /** Takes no credential: without a secure context there is no WebCrypto, and a secret could be read on its way to this page. */
  refuse(said: string): void {
    this.show(said)
    for (const field of [this.#file, this.#text, this.#submit]) field.disabled = true
  }

  async #given(give: (text: string) => Promise<string | undefined>): Promise<void> {
    const [file] = this.#file.files ?? []
    this.#submit.disabled = true
    const text = file === undefined ? this.#text.value : await file.text().catch(() => '')
    // Whatever comes of it, the secret does not stay in the form.
    this.#forget()
    const wrong = await give(text)
    this.#submit.disabled = false
    if (wrong !== undefined) this.show(wrong)
  }

  #forget(): void {
    this.#file.value = ''
    this.#text.value = ''
  }
}
