import { z } from 'zod'
import { actuatorForm } from './actuators.ts'
import { alarmsForm } from './alarms.ts'
import { auditForm } from './audit.ts'
import { deviceForm } from './devices.ts'
import { duration, name, timeout } from './forms.ts'
import { listenersForm } from './listeners.ts'
import { masterKeyForm } from './master-key.ts'
import { metricsForm } from './metrics.ts'
import { readingForm } from './readings.ts'
import { rolesForm } from './roles.ts'
import { tripGroupForm } from './trip-groups.ts'

/** The configuration file as it is written. */
export const ConfigFile = z.strictObject({
  environment: name,
  gateway: name,
  state_dir: z.string().min(1).default('/var/lib/holdfast'),
  master_key: masterKeyForm,
  credentials: z
    .strictObject({
      epoch: duration
        .refine(
          ms => ms >= 3_600_000,
          'expected an epoch of 1h at least: the master key is used once in each',
        )
        .default(86_400_000),
      grace: duration.default(86_400_000),
      max_lifetime: duration.default(28_800_000),
      rotation_due: duration.default(7_776_000_000),
    })
    .default({ epoch: 86_400_000, grace: 86_400_000, max_lifetime: 28_800_000, rotation_due: 7_776_000_000 }),
  roles: rolesForm,
  approval_window: timeout.default(300_000),
  listeners: listenersForm,
  audit: auditForm,
  authentication_failures: z
    .strictObject({
      limit: z.int().min(2).max(100).default(5),
      warn: z.int().min(1).max(99).default(3),
      leak_every: timeout.default(60_000),
      trips_per_day: z.int('expected a number of trips').min(1).max(1000).default(10),
    })
    .default({ limit: 5, warn: 3, leak_every: 60_000, trips_per_day: 10 }),
  alarms: alarmsForm,
  metrics: metricsForm,
  devices: z.record(name, deviceForm),
  readings: z.record(name, readingForm).default({}),
  actuators: z.record(name, actuatorForm),
  trip_groups: z.record(name, tripGroupForm).default({}),
})

export type ConfigFile = z.output<typeof ConfigFile>
