import { readFile } from 'node:fs/promises'
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import { describeProblem, PlantFileError, type Problem } from './problem.ts'
import { referenceProblems } from './reference.ts'
import { type PlantFile, type PlantSpec, plantForm } from './schema.ts'
import { describeIssue, shapeProblems } from './shape.ts'

/** Where a plant comes from: a YAML file, or the same document as an object. */
export type PlantSource = { readonly file: string } | { readonly plant: PlantFile }

/**
 * Reads a plant. Rejects with PlantFileError, which names everything that is wrong at once, or with the system's error
 * when the file cannot be read.
 */
export async function readPlant(source: PlantSource): Promise<PlantSpec> {
  if ('file' in source) return parsePlant(await readFile(source.file, 'utf8'), source.file)
  const { spec, problems } = checkPlant(source.plant)
  if (spec) return spec
  throw new PlantFileError(problems.map(describeProblem))
}

/** Reads a plant from YAML text; `file` is what its errors call it. */
export function parsePlant(text: string, file: string): PlantSpec {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true })
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  const broken = [...document.errors, ...document.warnings, ...aliases(document)]
  if (broken.length > 0) {
    throw new PlantFileError(broken.map(({ pos, message }) => `${at(pos[0])}: ${message}`))
  }
  const { spec, problems } = checkPlant(document.toJS())
  if (spec) return spec
  const placed = problems.map(problem => ({ problem, offset: offsetOf(document, problem) }))
  throw new PlantFileError(
    placed
      .sort((a, b) => a.offset - b.offset)
      .map(({ problem, offset }) => `${at(offset)}: ${describeProblem(problem)}`),
  )
}

type Checked =
  | { readonly spec: PlantSpec; readonly problems?: undefined }
  | { readonly spec?: undefined; readonly problems: readonly Problem[] }

function checkPlant(document: unknown): Checked {
  const shaped = plantForm.safeParse(document, { error: describeIssue, reportInput: true })
  const problems = [
    ...(shaped.success ? [] : shapeProblems(shaped.error.issues)),
    ...referenceProblems(document),
  ]
  return shaped.success && problems.length === 0 ? { spec: shaped.data } : { problems }
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
