import type { AlarmRow } from './alarm-row.ts'
import { button, element, say } from './element.ts'
import { type Row, Rows } from './rows.ts'

/** What a person does about an alarm. */
export interface AlarmDeeds {
  acknowledge(row: AlarmRow): void
  shelve(row: AlarmRow): void
  unshelve(row: AlarmRow): void
}

/** The list of alarms. */
export function alarmList(into: HTMLElement, deeds: AlarmDeeds): Rows<AlarmRow> {
  return new Rows(
    into,
    ({ id }) => id,
    row => new AlarmItem(row, deeds),
  )
}

class AlarmItem implements Row<AlarmRow> {
  readonly node: HTMLElement
  readonly #mark = element('span', { class: 'mark' })
  readonly #name = element('strong')
  readonly #about = element('span', { class: 'about' })
  readonly #state = element('span', { class: 'state' })
  readonly #detail = element('p', { class: 'detail' })
  readonly #when = element('p', { class: 'when' })
  readonly #remedy = element('dd')
  readonly #cause = element('dd')
  readonly #consequence = element('dd')
  readonly #acknowledge: HTMLButtonElement
  readonly #shelve: HTMLButtonElement
  readonly #unshelve: HTMLButtonElement
  #row: AlarmRow

  constructor(row: AlarmRow, deeds: AlarmDeeds) {
    this.#row = row
    this.#acknowledge = button('Acknowledge', 'acknowledge', () => deeds.acknowledge(this.#row))
    this.#shelve = button('Shelve…', 'shelve', () => deeds.shelve(this.#row))
    this.#unshelve = button('Unshelve', 'unshelve', () => deeds.unshelve(this.#row))
    const explained = element(
      'details',
      {},
      element('summary', {}, 'What to do'),
      element(
        'dl',
        {},
        element('dt', {}, 'What to do'),
        this.#remedy,
        element('dt', {}, 'If nobody acts'),
        this.#consequence,
        element('dt', {}, 'Cause'),
        this.#cause,
      ),
    )
    this.node = element(
      'li',
      {},
      this.#mark,
      element(
        'div',
        { class: 'what' },
        element('p', { class: 'title' }, this.#name, ' ', this.#about, ' ', this.#state),
        this.#detail,
        this.#when,
        explained,
      ),
      element('div', { class: 'deeds' }, this.#acknowledge, this.#shelve, this.#unshelve),
    )
  }

  show(row: AlarmRow): void {
    this.#row = row
    const seen = row.isShelved ? 'shelved' : row.isUnseen ? 'unseen' : 'seen'
    this.node.className = `standing ${row.severity} ${seen}`
    say(this.#mark, row.priority)
    this.#mark.title = `priority ${row.priority}, ${row.severity}`
    say(this.#name, row.name)
    say(this.#about, row.about)
    say(this.#state, `${row.severity}, ${row.state}`)
    say(this.#detail, row.detail)
    say(this.#when, row.when)
    say(this.#remedy, row.remedy)
    say(this.#consequence, row.consequence)
    say(this.#cause, row.cause)
    this.#acknowledge.hidden = !row.canAcknowledge
    this.#shelve.hidden = !row.canShelve
    this.#unshelve.hidden = !row.isShelved
    for (const deed of [this.#acknowledge, this.#shelve, this.#unshelve]) {
      deed.disabled = row.denied !== undefined
      deed.title = row.denied ?? ''
    }
  }
}
