/** What the file names, also where what it says about it is malformed: a mistake in a device is not one in its actuators. */
export interface Names {
  readonly devices: readonly string[]
  readonly actuators: readonly string[]
  readonly readings: readonly string[]
}

export function describeNames(names: readonly string[]): string {
  return names.length === 0 ? 'is none' : `${names.length === 1 ? 'is' : 'are'}: ${names.join(', ')}`
}
