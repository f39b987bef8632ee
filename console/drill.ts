import { type AgentAddress, AgentClient, parseAgentAddress } from '../client/agent-client.ts'
import { parseKeyId } from '../model/credential.ts'
import { EXIT } from '../model/exit.ts'
import type { Json } from '../model/json.ts'
import { jsonLine, plain } from '../model/plain.ts'
import { misused, openClient, readTls, report, type SessionOptions, type Surroundings } from './session.ts'

export interface DrillOptions extends SessionOptions {
  /**
   * Where the drill's credential is used: the address that operators use. The admin address unless given. The certificate
   * files are for this one where it is a TLS listener.
   */
  readonly at?: string
}

const PATIENCE = 5000

/**
 * `holdfast credential drill`: issues a credential that may only look, uses it, revokes it, and shows how long it took
 * until it was refused. Moves nothing. Exit code 0 when that was within a second.
 */
export async function drillRevocation(options: DrillOptions, around: Surroundings): Promise<number> {
  const { clock, entropy } = around
  const admin = await openClient(options, around)
  if (typeof admin === 'string') return misused(admin, around)
  const at: AgentAddress | undefined =
    options.at === undefined ? admin.address : parseAgentAddress(options.at)
  if (!at)
    return misused(
      `--at ${options.at}: expected http://host:port, https://host:port or unix:/path/to/socket`,
      around,
    )
  const tls = at.kind === 'tls' ? await readTls(options) : undefined
  if (typeof tls === 'string') return misused(tls, around)

  const issued = await admin.client.issue({ subject: 'revocation-drill', role: 'viewer', lifetime: '5m' })
  if (issued.kind !== 'answered') return report(issued, options, around, () => '')
  const { keyid, secret, serial } = issued.body as Record<string, string>
  if (!keyid || !parseKeyId(keyid) || !secret || !serial)
    return misused('the agent answered without a credential', around)
  const credential = { keyid, secret }
  const holder = new AgentClient(at, { credential, tls, deadline: PATIENCE, clock, entropy })

  const used = await holder.status()
  const began = clock.monotonic()
  // Also when it could not be used: a drill leaves no credential behind.
  const revoked = await admin.client.revoke({ credential: serial, reason: 'drill' })
  if (used.kind !== 'answered')
    return report(used, { ...options, agent: options.at ?? options.agent }, around, () => '')
  if (revoked.kind !== 'answered') return report(revoked, options, around, () => '')
  while (clock.monotonic() - began < PATIENCE) {
    const answer = await holder.status()
    if (answer.kind === 'problem' && answer.problem.code === 'revoked') {
      const milliseconds = Math.round((clock.monotonic() - began) * 10) / 10
      const found: Json = { credential: serial, refused: answer.problem.title, revoked_ms: milliseconds }
      around.out(
        options.json
          ? jsonLine(found)
          : `Issued ${plain(serial)}, used it, revoked it: refused ${milliseconds} ms later, ${plain(answer.problem.title)}.\n`,
      )
      return milliseconds < 1000 ? EXIT.done : EXIT.unproven
    }
  }
  around.err(
    `${plain(serial)} still works ${PATIENCE} ms after it was revoked. Stop the agent until it is known why.\n`,
  )
  return EXIT.unproven
}
