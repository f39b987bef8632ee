/** One thing that is wrong with a plant file. */
export interface Problem {
  /** Where in the document, as keys and indexes from its root. */
  readonly path: readonly PropertyKey[]
  /** What was expected, in words. */
  readonly message: string
  /** Whether the key at `path` is the problem, not its value. */
  readonly isKey?: boolean
}

/** A file that cannot be used, with everything that is wrong with it: one line each, `file:line:column: …`. */
export abstract class FileError extends Error {
  readonly lines: readonly string[]

  constructor(lines: readonly string[]) {
    super(lines.join('\n'))
    this.lines = lines
  }
}

/** A plant file that cannot be used. */
export class PlantFileError extends FileError {
  override readonly name = 'PlantFileError'
}

/** Says where in the document and what: `plc.modbus.coils[0].signal: expected …`. */
export function describeProblem({ path, message }: Problem): string {
  const steps = path.map(step => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
  return [steps.join('').replace(/^\./, ''), message].filter(part => part !== '').join(': ')
}
