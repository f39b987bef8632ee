/**
 * Makes an element. Children that are strings become text, whatever is in them: nothing on this page is ever read as HTML, and
 * the browser is told to refuse it (`require-trusted-types-for`).
 */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  node.append(...children)
  return node
}

/** The element of an id, which is in the page. */
export function part<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new TypeError(`the page has no ${id}`)
  return found
}

/** Sets a text only when it is another one: what is read aloud is not read again, and what is selected stays so. */
export function say(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text
}

/** A button that does something when it is pressed. */
export function button(label: string, className: string, press: () => void): HTMLButtonElement {
  const made = element('button', { type: 'button', class: className }, label)
  made.addEventListener('click', press)
  return made
}
