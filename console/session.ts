import { readFile } from 'node:fs/promises'
import {
  type AgentAddress,
  AgentClient,
  type Answer,
  type ClientTls,
  parseAgentAddress,
} from '../client/agent-client.ts'
import { readCredentialFile } from '../client/credential-file.ts'
import { NAME_FORM } from '../model/credential.ts'
import { EXIT } from '../model/exit.ts'
import type { Json } from '../model/json.ts'
import { jsonLine, plain, plainJson } from '../model/plain.ts'
import type { Problem } from '../model/refusal.ts'
import type { Clock, Entropy } from '../model/time.ts'
import type { Terminal } from './terminal.ts'

/** What every command that talks to an agent takes. */
export interface SessionOptions {
  readonly agent: string
  readonly credential?: string
  /** For a TLS listener: the client's certificate and key, and the authority of the agent's. Files. */
  readonly cert?: string
  readonly key?: string
  readonly ca?: string
  readonly json?: boolean
}

/** What the console needs of the world. */
export interface Surroundings extends Terminal {
  readonly clock: Clock
  readonly entropy: Entropy
}

/** A command may wait for an actuator that travels for a minute or two. */
const DEADLINE = 180_000

/** Opens a client for the options, or says what is wrong with them. */
export async function openClient(
  options: SessionOptions,
  { clock, entropy }: Surroundings,
): Promise<{ client: AgentClient; address: AgentAddress } | string> {
  const address = parseAgentAddress(options.agent)
  if (!address)
    return `--agent ${options.agent}: expected http://host:port, https://host:port or unix:/path/to/socket`
  const credential =
    options.credential === undefined ? undefined : await readCredentialFile(options.credential)
  if (typeof credential === 'string') return credential
  const tls = address.kind === 'tls' ? await readTls(options) : undefined
  if (typeof tls === 'string') return tls
  return {
    client: new AgentClient(address, { credential, tls, deadline: DEADLINE, clock, entropy }),
    address,
  }
}

/** Reads the certificate files for a TLS listener, or says what is wrong with them. */
export async function readTls({ cert, key, ca }: SessionOptions): Promise<ClientTls | string> {
  if (!cert || !key || !ca) return 'an https agent needs --cert, --key and --ca'
  try {
    const [certificate, secret, authority] = await Promise.all(
      [cert, key, ca].map(path => readFile(path, 'utf8')),
    )
    return { certificate: certificate ?? '', key: secret ?? '', ca: authority ?? '' }
  } catch (error) {
    return `the certificate files cannot be read: ${(error as Error).message}`
  }
}

/** How a command is given what it is signed with. */
export const GIVE_CREDENTIAL = '--credential FILE, or HOLDFAST_CREDENTIAL in the environment'

/** Writes an answer out, in words or as JSON, and returns the exit code that it stands for. */
export function report(
  answer: Answer,
  options: SessionOptions,
  { out, err }: Surroundings,
  words: (body: Record<string, Json>) => string,
): number {
  switch (answer.kind) {
    case 'answered': {
      out(options.json ? jsonLine(answer.body) : words(plainJson(answer.body as Record<string, Json>)))
      return EXIT.done
    }
    case 'problem': {
      const problem = plainJson({ ...answer.problem } as Problem & Record<string, Json>)
      // The agent tells whoever writes a client how to sign; here somebody forgot to say with what.
      const isForgotten = problem.code === 'signature-missing' && options.credential === undefined
      const remedy = isForgotten ? `this needs a credential: ${GIVE_CREDENTIAL}` : problem.remedy
      if (options.json) out(jsonLine(answer.problem))
      else err(`${problem.title}\n${problem.detail}\n${remedy ? `Next: ${remedy}.\n` : ''}`)
      return exitOf(problem)
    }
    case 'unreachable': {
      // A request that was sent and not answered may have been carried out: that is not the same as never reached.
      const code = answer.sent ? 'unknown' : 'unreachable'
      const detail = answer.sent
        ? `no answer from ${options.agent}: ${answer.detail}; the request was sent and may have been carried out`
        : `no agent answers at ${options.agent}: ${answer.detail}`
      const remedy = answer.sent
        ? 'look at `holdfast status` before sending it again'
        : 'is it running, and is --agent right?'
      if (options.json) out(jsonLine({ code, detail, remedy }))
      else err(`${plain(detail)}\nNext: ${remedy}\n`)
      return answer.sent ? EXIT.unproven : EXIT.unreachable
    }
  }
}

/** What is wrong with the first of some actuators' names that cannot be one: names become parts of paths. */
export function findMisnamed(actuators: readonly string[]): string | undefined {
  const bad = actuators.find(actuator => !NAME_FORM.test(actuator))
  return bad === undefined
    ? undefined
    : `${JSON.stringify(bad)} is no actuator: expected lower-case letters, digits and hyphens`
}

/** Says what is wrong with how a command was called. */
export function misused(message: string, { err }: Surroundings): number {
  err(`${plain(message)}\n`)
  return EXIT.usage
}

/** The exit code that a problem stands for. A mistake of the agent's on the way of a command leaves open what was done. */
function exitOf({ code, outcome }: Problem & { readonly [member: string]: Json }): number {
  if (code === 'mismatch' || code === 'unknown' || code === 'trip-failed') return EXIT.unproven
  if (code === 'internal-error') return outcome === undefined ? EXIT.bug : EXIT.unproven
  return EXIT.refused
}
