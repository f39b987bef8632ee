import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { describeProblem, PlantFileError, type Problem } from './problem.ts'
import { referenceProblems } from './reference.ts'
import { type PlantFile, type PlantSpec, plantForm, SAID_ELSEWHERE } from './schema.ts'
import { describeIssue, shapeProblems } from './shape.ts'
import { YamlText } from './text.ts'

/** Where a plant comes from: a YAML file, or the same document as an object. */
export type PlantSource = { readonly file: string } | { readonly plant: PlantFile }

/**
 * Reads a plant. Rejects with PlantFileError, which names everything that is wrong at once, or with the system's error
 * when the file cannot be read.
 */
export async function readPlant(source: PlantSource): Promise<PlantSpec> {
  if ('file' in source) {
    return within(dirname(source.file), parsePlant(await readFile(source.file, 'utf8'), source.file))
  }
  const { spec, problems } = checkPlant(source.plant)
  if (spec) return spec
  throw new PlantFileError(problems.map(describeProblem))
}

/** A plant whose folders are where its file says, seen from the file's own folder. */
function within(folder: string, spec: PlantSpec): PlantSpec {
  const plcs = new Map(
    [...spec.plcs].map(([name, plc]) => {
      const { opcua } = plc
      if (opcua?.certificates === undefined) return [name, plc]
      return [name, { ...plc, opcua: { ...opcua, certificates: resolve(folder, opcua.certificates) } }]
    }),
  )
  return { ...spec, plcs, plc: plcs.values().next().value ?? spec.plc }
}

/** Reads a plant from YAML text; `file` is what its errors call it. */
export function parsePlant(text: string, file: string): PlantSpec {
  const read = YamlText.read(text, file)
  if (read.kind === 'broken') throw new PlantFileError(read.lines)
  const { spec, problems } = checkPlant(read.text.value)
  if (spec) return spec
  throw new PlantFileError(read.text.describe(problems))
}

type Checked =
  | { readonly spec: PlantSpec; readonly problems?: undefined }
  | { readonly spec?: undefined; readonly problems: readonly Problem[] }

function checkPlant(document: unknown): Checked {
  const shaped = plantForm.safeParse(document, { error: describeIssue, reportInput: true })
  const problems = [
    ...(shaped.success
      ? []
      : shapeProblems(shaped.error.issues).filter(({ message }) => message !== SAID_ELSEWHERE)),
    ...referenceProblems(document),
  ]
  return shaped.success && problems.length === 0 ? { spec: shaped.data } : { problems }
}
