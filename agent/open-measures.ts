import { statfs } from 'node:fs/promises'
import type { Clock } from '../model/time.ts'
import type { TripCause } from '../model/trip.ts'
import type { Alarms } from './alarms/alarms.ts'
import { ForeignSites } from './alarms/foreign-sites.ts'
import { Habits, habitFile } from './alarms/habits.ts'
import { type Finding, Measures } from './alarms/measures.ts'
import { gradeAbove, gradeBelow, type Threshold } from './alarms/threshold.ts'
import { Traffic } from './alarms/traffic.ts'
import type { AuditLog } from './audit/log.ts'
import { LIMITS } from './audit/options.ts'
import type { Authenticated } from './command/authenticate.ts'
import type { Received } from './command/received.ts'
import type { Refused, Who } from './command/refused.ts'
import type { Config } from './config/config.ts'
import { expiringFiles } from './expiring-files.ts'
import { loadIfReadable } from './kept-state.ts'
import type { Metrics } from './metrics/metrics.ts'
import { habitPath } from './paths.ts'

const SECOND = 1000
const MINUTE = 60_000
const HOUR = 3_600_000

/** What watches the agent's own traffic and surroundings, and raises alarms about them. */
export interface Watch extends AsyncDisposable {
  /** Hears of every request with a right signature. */
  used(authenticated: Authenticated): void
  /** Hears of every refusal. */
  refused(refused: Refused, received: Received): void
  /** Hears of every trip. */
  tripped(actuator: string, cause: TripCause): void
  /** From now on the metrics hear of all that, too. They are read from what is opened later than this. */
  countWith(metrics: Metrics): void
}

/** Begins to measure, with the thresholds of the configuration. Throws StartFailure when a newer program kept the habits. */
export async function openMeasures(
  config: Config,
  clock: Clock,
  alarms: Alarms,
  audit: AuditLog,
): Promise<Watch> {
  const limits = config.alarms
  const traffic = new Traffic(clock)
  /** Whose request was found right, and may be refused all the same. */
  const counted = new WeakSet<Who>()
  const file = habitFile(habitPath(config))
  const kept = await loadIfReadable(file)
  const habits = new Habits(file, kept instanceof Error ? {} : (kept ?? {}), clock, alarms)
  const sites = new ForeignSites(clock, alarms)
  const measures = new Measures(
    [
      {
        name: 'failed-authentications',
        every: 10 * SECOND,
        find: () => traffic.failedAuthentications(limits.failedAuthentications),
      },
      { name: 'refusals', every: 10 * SECOND, find: () => traffic.refusals(limits.refusals) },
      {
        name: 'credential-overused',
        every: 10 * SECOND,
        find: () => traffic.perCredential(limits.requestsPerCredential),
      },
      { name: 'audit-queue', every: SECOND, find: () => fullQueue(audit, limits.auditQueue) },
      { name: 'disk-space', every: MINUTE, find: () => fullDisk(config.stateDir, limits.diskFree) },
      { name: 'certificate-expiring', every: HOUR, find: () => expiringFiles(config, clock) },
    ],
    alarms,
    clock,
  )
  measures.start()
  let metrics: Metrics | undefined
  return {
    countWith: counting => {
      metrics = counting
    },
    tripped: (actuator, cause) => metrics?.tripped(actuator, cause),
    used: ({ claims, who, received }) => {
      metrics?.used()
      const isReading = received.method === 'GET'
      if (!isReading) counted.add(who)
      traffic.used(who.serial, claims.subject, isReading)
      habits.used(claims.subject, who.serial, received.source, isReading)
    },
    refused: ({ refusal, who }, { channel, source }) => {
      metrics?.refused(refusal.code)
      if (refusal.code === 'foreign-site') sites.refused(channel.name, refusal.detail, source)
      // Asking for a second person, or to select first, is how it is meant to go.
      if (refusal.code === 'approval-needed' || refusal.code === 'select-needed') return
      const wasCounted = who !== undefined && counted.has(who)
      traffic.refused({ failsAuthentication: refusal.suspicion !== 'none', wasCounted })
    },
    [Symbol.asyncDispose]: async () => {
      await measures[Symbol.asyncDispose]()
      await habits[Symbol.asyncDispose]()
    },
  }
}

function fullQueue(audit: AuditLog, limits: Threshold): readonly Finding[] {
  const { queue } = audit.state()
  const severity = gradeAbove((queue / LIMITS.queue) * 100, limits)
  return severity
    ? [{ severity, detail: `${queue} of ${LIMITS.queue} places of the audit queue are taken` }]
    : []
}

async function fullDisk(path: string, limits: Threshold): Promise<readonly Finding[]> {
  const { bavail, blocks, bsize } = await statfs(path)
  const free = (bavail / blocks) * 100
  const severity = gradeBelow(free, limits)
  const detail = `${free.toFixed(1)} % (${Math.round((bavail * bsize) / 2 ** 20)} MiB) are free on the disk of ${path}`
  return severity ? [{ severity, detail }] : []
}
