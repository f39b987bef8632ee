import {
  createCredentialFile,
  type NewCredentialFile,
  readCredentialFile,
} from '../client/credential-file.ts'
import { narrow } from '../client/narrow.ts'
import { type Caveat, parseCaveat, parseGrant } from '../model/caveat.ts'
import { parseKeyId } from '../model/credential.ts'
import { EXIT } from '../model/exit.ts'
import type { Json } from '../model/json.ts'
import { jsonLine, plain } from '../model/plain.ts'
import { parseDuration } from '../model/time.ts'
import { misused, openClient, report, type SessionOptions, type Surroundings } from './session.ts'

export interface IssueOptions extends SessionOptions {
  readonly subject: string
  readonly role: string
  readonly actuator?: readonly string[]
  readonly network?: readonly string[]
  readonly rate?: string
  readonly certificate?: string
  readonly spiffe?: string
  readonly lifetime: string
  /** Where the credential goes: a file that does not exist yet, or `-` for standard output. */
  readonly out: string
}

/** `holdfast credential issue` */
export async function issueCredential(options: IssueOptions, around: Surroundings): Promise<number> {
  const wrong = findMistake(options)
  if (wrong) return misused(wrong, around)
  const session = await openClient(options, around)
  if (typeof session === 'string') return misused(session, around)
  const file = await openOutput(options.out)
  if (typeof file === 'string') return misused(file, around)
  const answer = await session.client.issue({
    subject: options.subject,
    role: options.role,
    lifetime: options.lifetime,
    ...(options.actuator?.length ? { actuators: [...options.actuator] } : {}),
    ...(options.network?.length ? { networks: [...options.network] } : {}),
    ...(options.rate ? { rate: options.rate } : {}),
    ...(options.certificate ? { certificate: options.certificate } : {}),
    ...(options.spiffe ? { spiffe: options.spiffe } : {}),
  })
  const { keyid, secret, serial, not_after } = (answer.kind === 'answered' ? answer.body : {}) as Record<
    string,
    string
  >
  if (answer.kind !== 'answered' || !keyid || !secret) {
    await file?.discard()
    return report(answer, options, around, () => '')
  }
  if (!file) {
    around.out(jsonLine({ keyid, secret }))
    return EXIT.done
  }
  await file.write({ keyid, secret })
  const about = {
    file: options.out,
    credential: serial ?? '',
    subject: options.subject,
    role: options.role,
    not_after: not_after ?? '',
  }
  around.out(
    options.json
      ? jsonLine(about)
      : `${plain(about.file)}: ${about.role} credential for ${about.subject}, good until ${plain(about.not_after)}. Only its owner can read the file.\n`,
  )
  return EXIT.done
}

/** `holdfast credential narrow`: offline, nobody is asked. */
export async function narrowCredential(
  path: string,
  caveats: readonly string[],
  options: { out: string; json?: boolean },
  around: Surroundings,
): Promise<number> {
  const credential = await readCredentialFile(path)
  if (typeof credential === 'string') return misused(credential, around)
  const parsed = caveats.map(text => [text, parseCaveat(text)] as const)
  const bad = parsed.find(([, caveat]) => !caveat)
  if (bad)
    return misused(
      `${bad[0]} is no caveat; docs/CREDENTIAL_FORMAT.md lists them, such as act=inlet-valve:closed`,
      around,
    )
  const file = await openOutput(options.out)
  if (typeof file === 'string') return misused(file, around)
  const narrowed = narrow(
    credential,
    parsed.flatMap(([, caveat]): Caveat[] => (caveat ? [caveat] : [])),
  )
  if (!file) around.out(jsonLine(narrowed))
  else {
    await file.write(narrowed)
    around.out(
      options.json
        ? jsonLine({ file: options.out, keyid: narrowed.keyid })
        : `${plain(options.out)}: ${plain(narrowed.keyid)}\n`,
    )
  }
  return EXIT.done
}

/** `holdfast credential show`: what a credential file allows, without its secret. */
export async function showCredential(
  path: string,
  options: { json?: boolean },
  around: Surroundings,
): Promise<number> {
  const credential = await readCredentialFile(path)
  if (typeof credential === 'string') return misused(credential, around)
  const keyId = parseKeyId(credential.keyid)
  if (!keyId) return misused(`${path}: its keyid is malformed`, around)
  const { environment, gateway, generation, epoch, serial, caveats } = keyId
  if (options.json)
    around.out(jsonLine({ environment, gateway, generation, epoch, credential: serial, caveats }))
  else
    around.out(
      `credential ${serial} for ${environment}/${gateway} (generation ${generation}, epoch ${epoch})\n${caveats.map(plain).map(describeCaveat).join('')}`,
    )
  return EXIT.done
}

/** `holdfast credential list` */
export async function listCredentials(options: SessionOptions, around: Surroundings): Promise<number> {
  const session = await openClient(options, around)
  if (typeof session === 'string') return misused(session, around)
  return report(await session.client.credentials(), options, around, body => {
    const rows = (body.credentials as Record<string, Json>[]).map(
      ({ credential, subject, roles, not_after, revoked }) =>
        `${credential}  ${String(subject).padEnd(16)}  ${(roles as string[]).join('+').padEnd(9)}  until ${not_after}${revoked ? `  REVOKED ${revoked}` : ''}`,
    )
    return `${[...rows, ...(body.trouble ? [`! the audit log could not be read: ${body.trouble}`] : [])].join('\n') || 'no credential that could still be used'}\n`
  })
}

export interface RevokeOptions extends SessionOptions {
  readonly id?: string
  readonly subject?: string
  readonly issuedBefore?: string
  readonly reason?: string
}

/** `holdfast credential revoke` */
export async function revokeCredential(options: RevokeOptions, around: Surroundings): Promise<number> {
  const { id, subject, issuedBefore, reason } = options
  if ([id, subject, issuedBefore].filter(one => one !== undefined).length !== 1) {
    return misused('say exactly one of --id, --subject and --issued-before', around)
  }
  const session = await openClient(options, around)
  if (typeof session === 'string') return misused(session, around)
  const answer = await session.client.revoke({
    ...(id ? { credential: id } : {}),
    ...(subject ? { subject } : {}),
    ...(issuedBefore ? { issued_before: issuedBefore } : {}),
    ...(reason ? { reason } : {}),
  })
  return report(
    answer,
    options,
    around,
    () => 'Revoked. It acts now, on commands too that were on their way, and stays over a restart.\n',
  )
}

function describeCaveat(text: string): string {
  const caveat = parseCaveat(text)
  const when =
    caveat?.kind === 'not-after' || caveat?.kind === 'not-before'
      ? ` (${new Date(caveat.seconds * 1000).toISOString()})`
      : ''
  return `  ${text}${when}${caveat ? '' : ' (not known to this version)'}\n`
}

function findMistake(options: IssueOptions): string | undefined {
  if (!parseCaveat(`sub=${options.subject}`))
    return '--subject: expected 1 to 64 letters, digits and . _ @ + -'
  if (!parseCaveat(`role=${options.role}`))
    return `--role ${options.role}: expected a role such as operator; holdfast roles lists them`
  if (!parseDuration(options.lifetime))
    return `--lifetime ${options.lifetime}: expected a duration such as 15m or 8h`
  const scope = options.actuator?.find(text => !parseGrant(text))
  if (scope)
    return `--actuator ${scope}: expected an actuator such as inlet-valve, pump-*, inlet-valve:open|closed or damper:0..50`
  const network = options.network?.find(text => !parseCaveat(`net=${text}`))
  if (network) return `--network ${network}: expected a network such as 10.1.0.0/16, or local`
  if (options.rate && !parseCaveat(`rate=${options.rate}`))
    return `--rate ${options.rate}: expected requests/seconds such as 10/60`
  if (options.certificate && !parseCaveat(`tls=${options.certificate}`))
    return "--certificate: expected a certificate's SHA-256, 64 lower-case hexadecimal digits"
  if (options.spiffe && !parseCaveat(`spiffe=${options.spiffe}`))
    return `--spiffe ${options.spiffe}: expected a SPIFFE ID such as spiffe://plant/panel-1`
  return undefined
}

async function openOutput(path: string): Promise<NewCredentialFile | string | undefined> {
  if (path === '-') return undefined
  try {
    return await createCredentialFile(path)
  } catch (error) {
    return `cannot make the credential file: ${(error as Error).message}`
  }
}
