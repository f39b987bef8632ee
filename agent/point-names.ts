/** What the points of an actuator are called on its device's driver. */
export function commandPoint(actuator: string): string {
  return `${actuator}.command`
}

export function feedbackPoint(actuator: string): string {
  return `${actuator}.feedback`
}

/** The point that shows what the output falls back to without this agent. */
export function fallbackPoint(actuator: string): string {
  return `${actuator}.fallback`
}
