import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import { describeProblem, type Problem } from './problem.ts'

export type ReadText =
  | { readonly kind: 'text'; readonly text: YamlText }
  /** What is not YAML, or more YAML than there is a use for: one line each, `file:line:column: …`. */
  | { readonly kind: 'broken'; readonly lines: readonly string[] }

/** A YAML document that knows where in its text each of its parts stands. */
export class YamlText {
  /** As plain values. */
  readonly value: unknown
  readonly #file: string
  readonly #document: Document
  readonly #lines: LineCounter

  private constructor(document: Document, lines: LineCounter, file: string) {
    this.#document = document
    this.#lines = lines
    this.#file = file
    this.value = document.toJS()
  }

  /** `file` is what its errors call it. */
  static read(text: string, file: string): ReadText {
    const lines = new LineCounter()
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true })
    const broken = [...document.errors, ...document.warnings, ...aliases(document)]
    if (broken.length === 0) return { kind: 'text', text: new YamlText(document, lines, file) }
    return {
      kind: 'broken',
      lines: broken.map(({ pos, message }) => {
        const { line, col } = lines.linePos(pos[0])
        return `${file}:${line}:${col}: ${message}`
      }),
    }
  }

  /** Where something stands: `file:line:column`. */
  place(path: readonly PropertyKey[]): string {
    return this.#at(offsetOf(this.#document, { path, message: '' }))
  }

  /** Problems as lines, in the order of the file. */
  describe(problems: readonly Problem[]): string[] {
    return problems
      .map(problem => ({ problem, offset: offsetOf(this.#document, problem) }))
      .sort((a, b) => a.offset - b.offset)
      .map(({ problem, offset }) => `${this.#at(offset)}: ${describeProblem(problem)}`)
  }

  #at(offset: number): string {
    const { line, col } = this.#lines.linePos(offset)
    return `${this.#file}:${line}:${col}`
  }
}

/** Aliases have no use here, and a few nested ones stand for more memory than there is. */
function aliases(document: Document): { pos: [number]; message: string }[] {
  const found: { pos: [number]; message: string }[] = []
  visit(document, {
    Alias: (_, { range, source }) => {
      found.push({ pos: [range?.[0] ?? 0], message: `expected the value itself, not its alias *${source}` })
    },
  })
  return found
}

/** Where a problem stands in the text: at its value, at the key of a block, or at the closest thing around it. */
function offsetOf(document: Document, { path, isKey }: Problem): number {
  for (let depth = path.length; depth > 0; depth--) {
    const node = document.getIn(path.slice(0, depth), true)
    const parent = document.getIn(path.slice(0, depth - 1), true)
    const key = isMap(parent)
      ? parent.items.find(item => String(item.key) === path[depth - 1])?.key
      : undefined
    const named = isNode(key) && (isKey || !isScalar(node)) ? key : node
    if (isNode(named) && named.range) return named.range[0]
  }
  return document.contents?.range?.[0] ?? 0
}
