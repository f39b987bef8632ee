import { misused, openClient, report, type SessionOptions, type Surroundings } from './session.ts'

interface RoleView {
  readonly role: string
  readonly may: readonly string[]
}

/** `holdfast roles` */
export async function showRoles(options: SessionOptions, around: Surroundings): Promise<number> {
  const session = await openClient(options, around)
  if (typeof session === 'string') return misused(session, around)
  return report(await session.client.roles(), options, around, body => {
    const roles = body.roles as unknown as RoleView[]
    const width = Math.max(...roles.map(({ role }) => role.length))
    return roles.map(({ role, may }) => `${role.padEnd(width)}  ${may.join(', ') || 'nothing'}\n`).join('')
  })
}
