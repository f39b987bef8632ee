import { type Document, isMap, isScalar, type LineCounter, type Node, type Pair } from 'yaml'

export type Path = readonly (string | number)[]

/** One thing that is wrong with a configuration, and where: line and column count from 1. */
export interface ConfigProblem {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly path: string
  readonly message: string
}

/** Finds the place of a path in a YAML document: the value there or, where it is missing, the closest thing around it. */
export function locate(document: Document, lines: LineCounter, path: Path): { line: number; column: number } {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true) as Node | undefined
    const start = keyOf(document, path.slice(0, length))?.range?.[0] ?? node?.range?.[0]
    if (start === undefined) continue
    const { line, col } = lines.linePos(start)
    return { line, column: col }
  }
  return { line: 1, column: 1 }
}

/** The key of the last step of a path: it names the field, also where the value is a block that begins a line further down. */
function keyOf(document: Document, path: Path): Node | undefined {
  const last = path.at(-1)
  if (typeof last !== 'string') return undefined
  const parent = document.getIn(path.slice(0, -1), true)
  if (!isMap(parent)) return undefined
  const pair = parent.items.find((item: Pair) => isScalar(item.key) && String(item.key.value) === last)
  const value = pair?.value as Node | undefined
  // A plain value is its own best place; a map or list is named by its key.
  return isScalar(value) ? value : (pair?.key as Node | undefined)
}

/** Writes problems as lines that an editor can jump to. */
export function formatProblems(problems: readonly ConfigProblem[]): string {
  return problems
    .map(
      ({ file, line, column, path, message }) =>
        `${file}:${line}:${column}: ${path ? `${path}: ` : ''}${message}`,
    )
    .join('\n')
}

/** Tells of a problem, by the path of what it is about. */
export type Report = (path: Path, message: string) => void
