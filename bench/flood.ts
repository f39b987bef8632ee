import { join } from 'node:path'
import type { AgentAddress } from '../client/agent-client.ts'
import { NODE, Program } from './program.ts'

const LOAD = join(import.meta.dirname, './flood-load.ts')

/** Starts a flood of forged commands aimed at an actuator, from a process of its own; resolves once it is on. */
export async function startFlood(
  agent: AgentAddress,
  keyid: string,
  actuator: string,
  setpoint: number,
): Promise<Program> {
  if (agent.kind === 'unix') throw new TypeError('a flood comes over the network')
  const program = new Program(NODE, [
    '--disable-warning=ExperimentalWarning',
    LOAD,
    ...['--agent', `${agent.host}:${agent.port}`, '--keyid', keyid],
    ...['--actuator', actuator, '--setpoint', String(setpoint)],
  ])
  try {
    await program.line(line => 'flooding' in line)
    return program
  } catch (error) {
    await program[Symbol.asyncDispose]()
    throw error
  }
}
