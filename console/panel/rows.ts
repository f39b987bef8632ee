/** A piece of the page that shows one thing of a list, for as long as it is in the list. */
export interface Row<View> {
  readonly node: HTMLElement
  show(view: View): void
}

/**
 * A list that stays the same piece of page while what it shows changes: a button does not go away under a finger, and keeps
 * the keyboard.
 */
export class Rows<View> {
  readonly #into: HTMLElement
  readonly #keyOf: (view: View) => string | number
  readonly #make: (view: View) => Row<View>
  readonly #rows = new Map<string | number, Row<View>>()

  constructor(into: HTMLElement, keyOf: (view: View) => string | number, make: (view: View) => Row<View>) {
    this.#into = into
    this.#keyOf = keyOf
    this.#make = make
  }

  show(views: readonly View[]): void {
    const keys = new Set(views.map(this.#keyOf))
    for (const [key, { node }] of this.#rows) {
      if (keys.has(key)) continue
      node.remove()
      this.#rows.delete(key)
    }
    views.forEach((view, index) => {
      const key = this.#keyOf(view)
      const row = this.#rows.get(key) ?? this.#make(view)
      this.#rows.set(key, row)
      row.show(view)
      // Moved only where it has to be: moving takes the keyboard away.
      const there = this.#into.children[index]
      if (there !== row.node) this.#into.insertBefore(row.node, there ?? null)
    })
  }
}
