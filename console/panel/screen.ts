import { headline } from '../status-view.ts'
import { type ActuatorCard, actuatorCard } from './actuator-card.ts'
import { type ActuatorDeeds, actuatorList } from './actuator-list.ts'
import { type AlarmDeeds, alarmList } from './alarm-list.ts'
import { type AlarmRow, alarmRows, newsIn } from './alarm-row.ts'
import { element, part, say } from './element.ts'
import { type HealthLine, healthLines, wantsSomebody } from './health.ts'
import type { Reach } from './reach.ts'
import { type Row, Rows } from './rows.ts'
import { ago, clockTime, seconds } from './time-text.ts'
import { agentTime, ageOf, type Moment, type SignedIn, staleness } from './watch.ts'

/** From here on it is said loudly how long the credential still lasts. */
const ENDS_SOON = 10 * 60_000
/** What was done that is still shown. */
const DONE_MAX = 4

/** The part of the page that is seen by whoever is signed in. */
export class Screen {
  readonly #title = part('gateway', HTMLHeadingElement)
  readonly #time = part('agent-time', HTMLParagraphElement)
  readonly #summary = part('summary', HTMLParagraphElement)
  readonly #holder = part('holder', HTMLParagraphElement)
  readonly #session = part('session', HTMLDivElement)
  readonly #banner = part('banner', HTMLDivElement)
  /** Read aloud, and so apart from what changes every second. */
  readonly #why = part('banner-why', HTMLSpanElement)
  readonly #age = part('banner-age', HTMLSpanElement)
  readonly #plant = part('plant', HTMLElement)
  readonly #noAlarm = part('no-alarm', HTMLParagraphElement)
  readonly #aloud = part('aloud', HTMLDivElement)
  readonly #doneTitle = part('done-title', HTMLHeadingElement)
  readonly #done = part('done', HTMLOListElement)
  readonly #alarms: Rows<AlarmRow>
  readonly #actuators: Rows<ActuatorCard>
  readonly #troubles: Rows<string>
  readonly #health: Rows<HealthLine>
  #before: readonly AlarmRow[] = []

  constructor(alarms: AlarmDeeds, actuators: ActuatorDeeds) {
    this.#alarms = alarmList(part('alarms', HTMLUListElement), alarms)
    this.#actuators = actuatorList(part('actuators', HTMLUListElement), actuators)
    this.#troubles = new Rows(
      part('troubles', HTMLUListElement),
      trouble => trouble,
      () => textRow(),
    )
    this.#health = new Rows(
      part('health', HTMLUListElement),
      ({ name }) => name,
      () => healthRow(),
    )
  }

  /** Shows what is known, and how old it is. */
  show(watch: SignedIn, reach: Reach, now: Moment): void {
    const { status } = watch.known ?? {}
    this.#session.hidden = false
    this.#showHolder(watch, now)
    this.#showStaleness(watch, now)
    this.#plant.hidden = status === undefined
    if (status === undefined) return
    const time = agentTime(watch, now)
    const age = ageOf(watch, now) ?? 0
    say(this.#title, `${status.gateway} (${status.environment})`)
    say(this.#time, `agent's time ${clockTime(time, 0).slice(-8)}, told ${ago(age)}`)
    say(this.#summary, headline(status))
    this.#summary.className = wantsSomebody(status) ? 'bad' : ''
    const rows = alarmRows(status.alarms, reach, time)
    this.#alarms.show(rows)
    this.#noAlarm.hidden = rows.length > 0
    const news = newsIn(this.#before, rows)
    if (news !== '') say(this.#aloud, news)
    this.#before = rows
    this.#actuators.show(status.actuators.map(view => actuatorCard(view, reach, age, time)))
    this.#troubles.show(status.troubles)
    this.#health.show(healthLines(status))
    const unseen = rows.filter(row => row.isUnseen).length
    document.title = `${unseen > 0 ? `(${unseen}) ` : ''}${status.gateway} · holdfast`
  }

  /** Forgets everything of the plant: whoever is not signed in does not read it here. */
  clear(): void {
    this.#alarms.show([])
    this.#actuators.show([])
    this.#troubles.show([])
    this.#health.show([])
    this.#before = []
    this.#done.replaceChildren()
    this.#doneTitle.hidden = true
    for (const node of [this.#time, this.#summary, this.#holder, this.#aloud]) say(node, '')
    say(this.#title, 'holdfast')
    document.title = 'holdfast'
    document.body.classList.remove('stale')
    this.#summary.className = ''
    for (const node of [this.#session, this.#banner, this.#plant]) node.hidden = true
  }

  /** Says what came of something that somebody did here. */
  tell({ text, isBad }: { readonly text: string; readonly isBad: boolean }, now: Moment): void {
    const line = element('li', isBad ? { class: 'bad' } : {}, `${clockTime(now.wall, now.wall)} ${text}`)
    this.#doneTitle.hidden = false
    this.#done.prepend(line)
    while (this.#done.children.length > DONE_MAX) this.#done.lastElementChild?.remove()
  }

  #showHolder(watch: SignedIn, now: Moment): void {
    const { subject, roles, until } = watch.holder
    const left = until - agentTime(watch, now)
    say(
      this.#holder,
      `${subject}, ${roles.join(' and ')}, until ${clockTime(until, now.wall)} (${seconds(left)} left)`,
    )
    this.#holder.classList.toggle('bad', left < ENDS_SOON)
  }

  #showStaleness(watch: SignedIn, now: Moment): void {
    const why = staleness(watch, now)
    const age = ageOf(watch, now)
    document.body.classList.toggle('stale', why !== undefined)
    this.#banner.hidden = why === undefined
    if (why === undefined) return
    const old = age === undefined ? 'Nothing is known of the plant yet.' : 'What you see is OLD.'
    say(this.#why, `THE AGENT IS LOST: ${why}. ${old} Look at the plant itself.`)
    say(this.#age, age === undefined ? '' : `It was told ${ago(age)}.`)
  }
}

function textRow(): Row<string> {
  const node = element('li', { class: 'bad' })
  return { node, show: text => say(node, text) }
}

function healthRow(): Row<HealthLine> {
  const [name, text] = [element('span', { class: 'name' }), element('span')]
  const node = element('li', {}, name, ' ', text)
  return {
    node,
    show: line => {
      say(name, line.name)
      say(text, line.text)
      node.className = line.isBad ? 'bad' : ''
    },
  }
}
