import { misused, openClient, report, type SessionOptions, type Surroundings } from './session.ts'

/** `holdfast clock accept` */
export async function acceptClock(options: SessionOptions, around: Surroundings): Promise<number> {
  const session = await openClient(options, around)
  if (typeof session === 'string') return misused(session, around)
  return report(
    await session.client.acceptClock(),
    options,
    around,
    ({ before, now }) => `The agent takes ${now} for the time; its own was ${before}.\n`,
  )
}
