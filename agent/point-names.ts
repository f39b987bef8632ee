/** What the points of a device are called in its driver. */

export function commandPoint(actuator: string): string {
  return `${actuator}.command`
}

export function feedbackPoint(actuator: string): string {
  return `${actuator}.feedback`
}

export function readingPoint(reading: string): string {
  return `${reading}.reading`
}

/** The point that shows what the output falls back to without this agent. */
export function fallbackPoint(actuator: string): string {
  return `${actuator}.fallback`
}
