import type { Json } from '../model/json.ts'
import { plainJson } from '../model/plain.ts'
import { misused, openClient, report, type SessionOptions, type Surroundings } from './session.ts'

/** `holdfast key rotate` */
export async function rotateKey(
  options: SessionOptions & { escrow?: string },
  around: Surroundings,
): Promise<number> {
  const session = await openClient(options, around)
  if (typeof session === 'string') return misused(session, around)
  const answer = await session.client.rotate(options.escrow)
  // A key that is there and could not be recorded: its shares are shown now, or never.
  if (answer.kind === 'problem' && 'shares' in answer.problem && !options.json)
    around.out(rotationWords(plainJson({ ...answer.problem })))
  return report(answer, options, around, rotationWords)
}

function rotationWords({ generation, key, previous_until, shares }: Record<string, Json>): string {
  const lines = [
    `The master key is now of generation ${generation} (${key}). The one before is good until ${previous_until ?? 'it is removed'}.`,
    'Credentials that were issued before work until then.',
  ]
  const list = shares as string[]
  if (list.length > 0)
    lines.push(
      `Escrow of the key ${key}: ${list.length} shares. They are shown now, and never again.`,
      ...list,
    )
  return `${lines.join('\n')}\n`
}

interface Generation {
  readonly generation: number
  readonly since: string | null
  readonly until: string | null
}

/** `holdfast key status` */
export async function showKey(options: SessionOptions, around: Surroundings): Promise<number> {
  const session = await openClient(options, around)
  if (typeof session === 'string') return misused(session, around)
  const answer = await session.client.status()
  const about =
    answer.kind === 'answered'
      ? { ...answer, body: (answer.body as Record<string, Json>).master_key ?? null }
      : answer
  return report(about, options, around, body => {
    const generations = body.generations as unknown as Generation[]
    const lines = generations.map(
      ({ generation, since, until }) =>
        `generation ${generation}  made ${since ?? 'at an unknown time'}  ${until ? `good until ${until}` : 'the one that issues'}`,
    )
    const trouble = body.available ? [] : [`! it cannot be used: ${body.detail} ${body.remedy}`]
    return `${[String(body.source), ...lines, ...trouble].join('\n')}\n`
  })
}
