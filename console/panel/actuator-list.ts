import type { ActuatorCard } from './actuator-card.ts'
import { button, element, say } from './element.ts'
import { type Row, Rows } from './rows.ts'

/** What a person does about an actuator. Commands away from its safe state would be another deed, beside these. */
export interface ActuatorDeeds {
  trip(card: ActuatorCard): void
  acknowledge(card: ActuatorCard): void
  reset(card: ActuatorCard): void
}

/** The cards of the actuators. */
export function actuatorList(into: HTMLElement, deeds: ActuatorDeeds): Rows<ActuatorCard> {
  return new Rows(
    into,
    ({ id }) => id,
    card => new ActuatorItem(card, deeds),
  )
}

class ActuatorItem implements Row<ActuatorCard> {
  readonly node: HTMLElement
  readonly #id = element('h3')
  readonly #description = element('p', { class: 'description' })
  readonly #found = element('p', { class: 'found' })
  readonly #quality = element('p', { class: 'quality' })
  readonly #setTo = element('p', { class: 'set-to' })
  readonly #safe = element('p', { class: 'safe' })
  readonly #phase = element('p', { class: 'phase' })
  readonly #lines = element('ul', { class: 'lines' })
  readonly #denied = element('p', { class: 'note' })
  readonly #trip: HTMLButtonElement
  readonly #acknowledge: HTMLButtonElement
  readonly #reset: HTMLButtonElement
  #card: ActuatorCard

  constructor(card: ActuatorCard, deeds: ActuatorDeeds) {
    this.#card = card
    this.#trip = button('Trip', 'trip', () => deeds.trip(this.#card))
    this.#acknowledge = button('Acknowledge trip', 'acknowledge', () => deeds.acknowledge(this.#card))
    this.#reset = button('Reset…', 'reset', () => deeds.reset(this.#card))
    this.node = element(
      'li',
      {},
      element('div', { class: 'who' }, this.#id, this.#description),
      element('div', { class: 'where' }, this.#found, this.#quality, this.#setTo, this.#safe),
      this.#phase,
      this.#lines,
      element('div', { class: 'deeds' }, this.#denied, this.#acknowledge, this.#reset, this.#trip),
    )
  }

  show(card: ActuatorCard): void {
    this.#card = card
    this.node.className = `actuator ${card.look}`
    this.node.dataset.id = card.id
    say(this.#id, card.id)
    say(this.#description, card.description)
    say(this.#found, card.found)
    this.#found.classList.toggle('bad', card.isBad)
    say(this.#quality, card.quality)
    say(this.#setTo, card.setTo)
    this.#setTo.hidden = card.setTo === ''
    say(this.#safe, card.safe)
    say(this.#phase, card.phase)
    this.#phase.hidden = card.phase === ''
    const lines = card.lines.join('\n')
    if (this.#lines.dataset.said !== lines) {
      this.#lines.dataset.said = lines
      this.#lines.replaceChildren(...card.lines.map(line => element('li', {}, line)))
    }
    this.#acknowledge.hidden = card.next !== 'acknowledge'
    this.#reset.hidden = card.next !== 'reset'
    this.#trip.disabled = card.tripDenied !== undefined
    this.#acknowledge.disabled = this.#reset.disabled = card.nextDenied !== undefined
    say(this.#denied, card.tripDenied ?? card.nextDenied ?? '')
    // Which one it is stands on the button, too, for whoever hears it and does not see the card.
    this.#trip.setAttribute('aria-label', `Trip ${card.id}`)
  }
}
