import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { FileError } from '../plant-file/problem.ts'
import { readPlant } from '../plant-file/read.ts'
import type { PlantSpec } from '../plant-file/schema.ts'
import { describeIssue, shapeProblems } from '../plant-file/shape.ts'
import { YamlText } from '../plant-file/text.ts'
import { scenarioProblems } from './reference.ts'
import { type ScenarioSpec, scenarioForm } from './schema.ts'

/** A scenario file that cannot be used. */
export class ScenarioFileError extends FileError {
  override readonly name = 'ScenarioFileError'
}

/** A scenario and the plant that it is played on. */
export interface Scenario {
  readonly spec: ScenarioSpec
  readonly plant: PlantSpec
  readonly plantFile: string
  /** Where each step stands: `file:line:column`. */
  readonly places: readonly string[]
}

/**
 * Reads a scenario and its plant. Rejects with ScenarioFileError or PlantFileError, which name everything that is wrong
 * at once, or with the system's error when one of the two files cannot be read.
 */
export async function readScenario(file: string): Promise<Scenario> {
  const read = YamlText.read(await readFile(file, 'utf8'), file)
  if (read.kind === 'broken') throw new ScenarioFileError(read.lines)
  const { text } = read
  const shaped = scenarioForm.safeParse(text.value, { error: describeIssue, reportInput: true })
  if (!shaped.success) throw new ScenarioFileError(text.describe(shapeProblems(shaped.error.issues)))
  const spec = shaped.data
  const plantFile = resolve(dirname(file), spec.plant)
  const plant = await readPlant({ file: plantFile })
  const problems = scenarioProblems(spec, plant)
  if (problems.length > 0) throw new ScenarioFileError(text.describe(problems))
  return { spec, plant, plantFile, places: spec.steps.map((_, i) => text.place(['steps', i])) }
}
