import { writeCredentialFile } from '../client/credential-file.ts'
import { misused, openClient, report, type SessionOptions, type Surroundings } from './session.ts'

export interface IssueOptions extends SessionOptions {
  readonly subject: string
  readonly role: string
  readonly actuator?: readonly string[]
  readonly network?: readonly string[]
  readonly lifetime: string
  /** Where the credential goes: a file that does not exist yet, or `-` for standard output. */
  readonly out: string
}

/** `holdfast credential issue` */
export async function issueCredential(options: IssueOptions, around: Surroundings): Promise<number> {
  const session = await openClient(options, around)
  if (typeof session === 'string') return misused(session, around)
  const answer = await session.client.issue({
    subject: options.subject,
    role: options.role,
    lifetime: options.lifetime,
    ...(options.actuator?.length ? { actuators: [...options.actuator] } : {}),
    ...(options.network?.length ? { networks: [...options.network] } : {}),
  })
  if (answer.kind !== 'answered') return report(answer, options, around, () => '')
  const { keyid, secret, serial, not_after } = answer.body as Record<string, string>
  if (!keyid || !secret)
    return misused('the agent answered without a credential: is it another version?', around)
  if (options.out === '-') {
    around.out(`${JSON.stringify({ keyid, secret })}\n`)
    return 0
  }
  try {
    await writeCredentialFile(options.out, { keyid, secret })
  } catch (error) {
    return misused(`the credential was issued and could not be kept: ${(error as Error).message}`, around)
  }
  const about = {
    file: options.out,
    credential: serial ?? '',
    subject: options.subject,
    role: options.role,
    not_after: not_after ?? '',
  }
  around.out(
    options.json
      ? `${JSON.stringify(about)}\n`
      : `${about.file}: ${about.role} credential for ${about.subject}, good until ${about.not_after}. Only its owner can read the file.\n`,
  )
  return 0
}
