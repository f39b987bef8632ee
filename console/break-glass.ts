import { misused, openClient, report, type SessionOptions, type Surroundings } from './session.ts'

/** `holdfast break-glass seal` */
export async function sealGlass(options: SessionOptions, around: Surroundings): Promise<number> {
  const session = await openClient(options, around)
  if (typeof session === 'string') return misused(session, around)
  return report(await session.client.sealGlass(), options, around, ({ sheet }) =>
    [
      'A new emergency key is sealed; a sheet that was made before is worth nothing now.',
      'Write this line on paper and put it into an envelope. It is shown now, and never again.',
      String(sheet),
      '',
    ].join('\n'),
  )
}

/** `holdfast break-glass close` */
export async function closeGlass(options: SessionOptions, around: Surroundings): Promise<number> {
  const session = await openClient(options, around)
  if (typeof session === 'string') return misused(session, around)
  return report(await session.client.closeGlass(), options, around, ({ closed }) =>
    closed
      ? 'The emergency credential is worth nothing now. Seal a new one: holdfast break-glass seal\n'
      : 'No emergency credential was in use.\n',
  )
}
