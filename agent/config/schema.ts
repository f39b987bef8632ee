import { isIP } from 'node:net'
import { z } from 'zod'
import { NAME_FORM } from '../../model/credential.ts'
import { parseDuration } from '../../model/time.ts'
import { CREDENTIAL_NAME_FORM } from '../credential/systemd/master-key.ts'
import {
  VAULT_ADDRESS_FORM,
  VAULT_KEY_FORM,
  VAULT_MOUNT_FORM,
  VAULT_NAMESPACE_FORM,
} from '../credential/vault/master-key.ts'

/** The configuration file as it is written. Every field says what it expects, because that is what `holdfast check` prints. */

const name = z
  .string()
  .regex(NAME_FORM, 'expected a name of lower-case letters, digits and hyphens, such as inlet-valve')

const duration = z.string('expected a duration such as 250ms, 3s, 15m or 24h').transform((text, context) => {
  const parsed = parseDuration(text)
  if (parsed !== undefined) return parsed
  context.addIssue('expected a duration such as 250ms, 3s, 15m or 24h')
  return z.NEVER
})

const port = z.int('expected a port from 0 to 65535').min(0).max(65535)

const network = z.string().refine(text => {
  const [address = '', bits = '', more] = text.split('/')
  const family = isIP(address)
  return (
    family !== 0 &&
    more === undefined &&
    /^[0-9]{1,3}$/.test(bits) &&
    Number(bits) <= (family === 4 ? 32 : 128)
  )
}, 'expected a network such as 10.1.0.0/16 or fd00::/8')

const point = z
  .strictObject(
    {
      coil: z.int().min(0).max(65535).optional(),
      discrete_input: z.int().min(0).max(65535).optional(),
      holding_register: z.int().min(0).max(65535).optional(),
      input_register: z.int().min(0).max(65535).optional(),
    },
    'expected a point such as { coil: 0 } or { input_register: 3 }',
  )
  .refine(
    tables => Object.keys(tables).length === 1,
    'expected exactly one of coil, discrete_input, holding_register, input_register',
  )

/** The most that Node's timers hold. */
const TIMER_MAX = 2 ** 31 - 1
const timeout = duration.refine(ms => ms <= TIMER_MAX, 'expected a timeout of 24d at most')

const rate = z.strictObject({
  requests: z.int('expected a number of requests').min(1).max(1_000_000),
  per: duration,
})

const hostAndPort = z
  .string()
  .regex(
    /^(?:\[[0-9A-Fa-f:.]+\]|[^:\s]+):[0-9]{1,5}$/,
    'expected host:port, such as 127.0.0.1:8440 or [::1]:8440',
  )
const allowedNetworks = z.array(network).min(1, 'expected at least one network that may connect')
const listenerRate = rate.default({ requests: 1000, per: 1000 })

const tlsListener = z.strictObject({
  name,
  tls: hostAndPort,
  certificate: z.string('expected the file of the certificate').min(1),
  key: z.string("expected the file of the certificate's key").min(1),
  client_ca: z.string('expected the file of the authorities whose clients may connect').min(1),
  allowed_networks: allowedNetworks,
  rate: listenerRate,
})

const tcpListener = z.strictObject({
  name,
  rate: listenerRate,
  tcp: hostAndPort,
  allowed_networks: allowedNetworks,
  unattributed_failures: z.enum(['count', 'alarm'], {
    error:
      'expected count or alarm: this listener knows nobody by identity, so you must choose what forged requests on it do. ' +
      'count: five of them drive the actuator that they aim at to its safe state, so whoever can reach this address can stop it. ' +
      'alarm: they raise an alarm and move nothing',
  }),
})

const unixListener = z.strictObject({
  name,
  unix: z.string().min(1),
  mode: z
    .string()
    .regex(/^0[0-7]{3}$/, 'expected permission bits in quotes, such as "0660"')
    .default('0600'),
  admin: z.boolean().default(false),
})

const position = z.strictObject({
  write: z.int('expected the whole number to write'),
  feedback: z.number('expected the feedback value that shows it'),
})

const actuator = z.strictObject({
  description: z.string().max(200).default(''),
  device: name,
  command: point,
  feedback: point,
  feedback_is_command: z.boolean().default(false),
  positions: z.record(name, position).optional(),
  range: z
    .strictObject({
      min: z.number(),
      max: z.number(),
      unit: z.string().default(''),
      step: z.number().positive().default(1),
    })
    .optional(),
  safe: z.union(
    [z.string(), z.number()],
    'expected the setpoint that is safe: a position, or a value in range',
  ),
  tolerance: z.number().min(0).default(0),
  travel_time: timeout,
})

const generation = z.int('expected a generation, from 1').min(1).max(999_999_999).default(1)
const keyTimeout = timeout.default(10_000)
const masterKey = z.discriminatedUnion(
  'source',
  [
    z.strictObject({
      source: z.literal('tpm'),
      tcti: z.string().min(1).default('device:/dev/tpmrm0'),
      pcrs: z
        .string('expected a PCR selection such as sha256:7')
        .regex(
          /^(?:sha1|sha256|sha384|sha512):(?:1?[0-9]|2[0-3])(?:,(?:1?[0-9]|2[0-3]))*$/,
          'expected a PCR selection such as sha256:7',
        )
        .default('sha256:7'),
      timeout: keyTimeout,
    }),
    z.strictObject({ source: z.literal('file'), path: z.string().min(1), generation, timeout: keyTimeout }),
    z.strictObject({
      source: z.literal('systemd-credential'),
      credential: z
        .string()
        .regex(CREDENTIAL_NAME_FORM, "expected a credential's name such as holdfast-master-key"),
      generation,
      timeout: keyTimeout,
    }),
    z.strictObject({
      source: z.literal('vault'),
      address: z
        .string()
        .regex(VAULT_ADDRESS_FORM, 'expected an address such as https://vault.plant.example:8200'),
      mount: z.string().regex(VAULT_MOUNT_FORM, 'expected a mount such as transit').default('transit'),
      key: z.string().regex(VAULT_KEY_FORM, "expected a transit key's name"),
      generation,
      namespace: z
        .string()
        .regex(VAULT_NAMESPACE_FORM, 'expected a namespace such as plant/north')
        .optional(),
      token_file: z.string().min(1),
      ca_file: z.string().min(1),
      timeout: keyTimeout,
    }),
  ],
  'expected a source: tpm, file, systemd-credential or vault',
)

export const ConfigFile = z.strictObject({
  environment: name,
  gateway: name,
  state_dir: z.string().min(1).default('/var/lib/holdfast'),
  master_key: masterKey,
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
  listeners: z
    .array(
      z.unknown().transform((value, context) => {
        // Told apart by what they listen on, so that a mistake is reported against the right one.
        const kind = typeof value === 'object' && value !== null ? value : {}
        const schema = 'unix' in kind ? unixListener : 'tls' in kind ? tlsListener : tcpListener
        const parsed = schema.safeParse(value)
        if (parsed.success) return parsed.data
        for (const issue of parsed.error.issues) context.addIssue({ ...issue, code: 'custom', params: issue })
        return z.NEVER
      }),
    )
    .min(1, 'expected at least one listener'),
  authentication_failures: z
    .strictObject({
      limit: z.int().min(2).max(100).default(5),
      warn: z.int().min(1).max(99).default(3),
      leak_every: timeout.default(60_000),
    })
    .default({ limit: 5, warn: 3, leak_every: 60_000 }),
  devices: z.record(
    name,
    z.strictObject({
      protocol: z.literal('modbus-tcp', 'expected modbus-tcp'),
      host: z.string().min(1),
      port: port.default(502),
      unit: z.int().min(0).max(255).default(1),
      timeout: timeout.default(1000),
    }),
  ),
  actuators: z.record(name, actuator),
  trip_groups: z.record(name, z.array(name).min(1)).default({}),
})

export type ConfigFile = z.output<typeof ConfigFile>
export type ActuatorFile = ConfigFile['actuators'][string]
export type PointFile = z.output<typeof point>
