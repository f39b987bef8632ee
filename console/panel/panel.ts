import type { Clock, Entropy, Millis } from '../../model/time.ts'
import { AgentLink } from './agent-link.ts'
import { type Holder, readCredentialText } from './credential-text.ts'
import {
  acknowledgeDeed,
  acknowledgeTripDeed,
  type Deed,
  outcomeOf,
  resetDeed,
  shelveDeed,
  tripDeed,
  unshelveDeed,
} from './deeds.ts'
import { part } from './element.ts'
import { QuestionBox } from './question.ts'
import { Reach, readRoles } from './reach.ts'
import { Screen } from './screen.ts'
import { SignIn } from './sign-in.ts'
import { Signer } from './signer.ts'
import { ASK_DEADLINE, ASK_EVERY, heard, isEnd, type Moment, passed, type Watch } from './watch.ts'

/** How often the page is drawn: what is shown gets older by itself. */
const DRAW_EVERY: Millis = 500

/** What the page is in: all that it has of the browser, beside the page itself. */
export interface Surroundings {
  readonly clock: Clock
  readonly entropy: Entropy
  /** The host and port of the page's own address. */
  readonly authority: string
  /** Whether the browser lets a page keep a key: over https, or from this same computer. */
  readonly isSecure: boolean
}

/** The panel: asks the agent while somebody is signed in, shows what it says, and sends what they do. */
export class Panel {
  readonly #around: Surroundings
  readonly #screen: Screen
  readonly #signIn: SignIn
  readonly #questions = new QuestionBox()
  #watch: Watch = { kind: 'signed-out' }
  #link: AgentLink | undefined
  #reach: Reach | undefined
  /** Aborted when the one who is signed in is not any more. */
  #session = new AbortController()
  /** Aborted to ask before the time. */
  #hurry = new AbortController()

  constructor(around: Surroundings) {
    this.#around = around
    this.#screen = new Screen(
      {
        acknowledge: row => void this.#do(acknowledgeDeed(row)),
        shelve: row => void this.#do(shelveDeed(row)),
        unshelve: row => void this.#do(unshelveDeed(row)),
      },
      {
        trip: card => void this.#do(tripDeed(card)),
        acknowledge: card => void this.#do(acknowledgeTripDeed(card)),
        reset: card => void this.#do(resetDeed(card)),
      },
    )
    this.#signIn = new SignIn(text => this.#enter(text))
    part('sign-out', HTMLButtonElement).addEventListener('click', () => this.#take({ kind: 'signed-out' }))
    if (around.isSecure) this.#signIn.show('')
    else this.#signIn.refuse(INSECURE)
  }

  /** Draws for as long as the page is open. */
  async run(): Promise<never> {
    for (;;) {
      this.#take(passed(this.#watch, this.#now))
      await this.#around.clock.sleep(DRAW_EVERY)
    }
  }

  /** Asks at once: the page was out of sight, where a browser lets it do little. */
  hurry(): void {
    this.#hurry.abort()
  }

  get #now(): Moment {
    const { clock } = this.#around
    return { wall: clock.wall(), monotonic: clock.monotonic() }
  }

  async #enter(text: string): Promise<string | undefined> {
    const { clock, entropy, authority } = this.#around
    const given = readCredentialText(text, clock.wall())
    if (typeof given === 'string') return given
    this.#link = new AgentLink(await Signer.hold(given), authority, clock, entropy)
    this.#session = new AbortController()
    this.#watch = { kind: 'signed-in', holder: given.holder }
    this.#reach = new Reach(given.holder)
    this.#signIn.hide()
    void this.#askOn(this.#link, given.holder, this.#session.signal)
    return undefined
  }

  /** Asks for as long as one person is signed in, one request at a time. */
  async #askOn(link: AgentLink, holder: Holder, session: AbortSignal): Promise<void> {
    let areRolesKnown = false
    for (;;) {
      this.#take(passed(this.#watch, this.#now))
      if (session.aborted) return
      this.#hurry = new AbortController()
      const answer = await link.ask('GET', '/v1/status', ASK_DEADLINE)
      if (session.aborted) return
      this.#take(heard(this.#watch, answer, this.#now))
      if (answer.kind === 'answered' && !areRolesKnown && !session.aborted) {
        const told = await link.ask('GET', '/v1/roles', ASK_DEADLINE)
        const roles = told.kind === 'answered' ? readRoles(told.body) : undefined
        if (roles && !session.aborted) this.#reach = new Reach(holder, roles)
        areRolesKnown = roles !== undefined
      }
      await this.#around.clock.sleep(ASK_EVERY, AbortSignal.any([session, this.#hurry.signal]))
    }
  }

  async #do(deed: Deed): Promise<void> {
    const { signal } = this.#session
    const reply = deed.question && (await this.#questions.ask(deed.question))
    const link = this.#link
    if (link === undefined || signal.aborted || (deed.question && !reply)) return
    const answer = await link.ask('POST', deed.path, deed.deadline, deed.message(reply))
    if (signal.aborted) return
    this.#screen.tell(outcomeOf(deed, answer), this.#now)
    if (isEnd(answer)) this.#take(heard(this.#watch, answer, this.#now))
    this.hurry()
  }

  #take(watch: Watch): void {
    const was = this.#watch
    this.#watch = watch
    if (watch.kind === 'signed-in')
      return this.#screen.show(watch, this.#reach ?? new Reach(watch.holder), this.#now)
    if (was.kind === 'signed-out') return
    // The key goes with the link: nothing else has it.
    this.#link = undefined
    this.#session.abort()
    this.#questions.close()
    this.#screen.clear()
    this.#signIn.show(watch.said ?? '')
  }
}

const INSECURE =
  'This page cannot sign anything here: its address is neither https nor on this same computer, so the browser gives it no ' +
  'cryptography, and others on the way could change the page. Open it over https, or through a tunnel to the gateway as ' +
  'http://localhost (docs/PANEL.md says how).'
