import type { ReadLimits } from '../../drivers/modbus/plan.ts'
import type { SerialLine } from '../../drivers/modbus/serial.ts'
import type { TcpEndpoint } from '../../drivers/modbus/tcp.ts'
import type { TlsEndpoint } from '../../drivers/modbus/tls.ts'
import type { OpcUaEndpoint } from '../../drivers/opcua/endpoint.ts'
import type { Point } from '../../drivers/point.ts'
import type { Condition } from '../../failsafe/condition.ts'
import type { EvidenceLimits } from '../../failsafe/evidence.ts'
import type { HoldRule } from '../../failsafe/holds.ts'
import type { TripGroup } from '../../failsafe/trip-group.ts'
import type { WatchdogSpec } from '../../failsafe/watchdog/watchdog.ts'
import type { Roles } from '../../model/role.ts'
import type { SetpointDomain, Target } from '../../model/setpoint.ts'
import type { Millis } from '../../model/time.ts'
import type { Threshold } from '../alarms/threshold.ts'
import type { ApprovalsNeeded } from '../command/approvals.ts'
import type { Pace } from '../command/pace.ts'

/** A configuration that was found to be whole and consistent: every name in it stands for something. */
export interface Config {
  readonly environment: string
  readonly gateway: string
  /** Absolute paths: the file's own are relative to the file. */
  readonly stateDir: string
  readonly masterKey: MasterKeyConfig
  readonly credentials: {
    readonly epoch: Millis
    readonly grace: Millis
    readonly lifetimeMax: Millis
    readonly rotationDue: Millis
  }
  /** The roles that credentials may have here. */
  readonly roles: Roles
  /** How long the first of two people is waited with for the second. */
  readonly approvalWindow: Millis
  readonly listeners: readonly ListenerConfig[]
  /** Where the audit log is sent to as it grows. */
  readonly audit: {
    readonly syslog: SyslogConfig | undefined
    /** The socket of the journal that gets each record, `auto` for systemd's where this process logs to it, or `off`. */
    readonly journal: string
    /** Whether the log is bound to a counter of the TPM, where the master key is in one. */
    readonly tpmCounter: boolean
  }
  readonly authenticationFailures: EvidenceLimits
  readonly alarms: AlarmLimits
  /** Where alarms are told, besides. */
  readonly webhook: WebhookConfig | undefined
  /** From where `/metrics` may be read without a signature. */
  readonly metrics: { readonly allowedNetworks: readonly string[] }
  readonly devices: ReadonlyMap<string, DeviceConfig>
  readonly readings: ReadonlyMap<string, ReadingConfig>
  readonly actuators: ReadonlyMap<string, ActuatorConfig>
  /** Actuators that trip together, in this order. */
  readonly tripGroups: ReadonlyMap<string, TripGroup>
}

/** Where the master key is, and how long one use of it may take. */
export type MasterKeyConfig = { readonly timeout: Millis } & (
  | { readonly source: 'tpm'; readonly tcti: string; readonly pcrs: string }
  | {
      readonly source: 'file'
      readonly path: string
      /** The systemd credential that the file is sealed under; undefined where it lies in clear. */
      readonly sealedUnder: string | undefined
      readonly generation: number
    }
  | { readonly source: 'systemd-credential'; readonly credential: string; readonly generation: number }
  | {
      readonly source: 'vault'
      readonly address: string
      readonly mount: string
      readonly key: string
      readonly generation: number
      readonly namespace?: string | undefined
      readonly tokenFile: string
      readonly caFile: string
    }
)

/** A program that is told of alarms. */
export interface WebhookConfig {
  /** `https://…`, or `http://…` on this host. */
  readonly url: string
  readonly secretFile: string
  /** PEM; those that Node knows where it is left out. */
  readonly ca?: string
  readonly timeout: Millis
}

/** At which value which alarm is raised. */
export interface AlarmLimits {
  /** In an hour. */
  readonly failedAuthentications: Threshold
  /** Per cent of the hour's requests. */
  readonly refusals: Threshold
  /** In a minute. */
  readonly requestsPerCredential: Threshold
  /** Per cent of the queue's places. */
  readonly auditQueue: Threshold
  /** Milliseconds before. */
  readonly certificateExpires: Threshold
  /** Per cent of the disk. */
  readonly diskFree: Threshold
}

/** A receiver of syslog over TLS (RFC 5425). The files are PEM. */
export interface SyslogConfig {
  readonly host: string
  readonly port: number
  readonly ca: string
  readonly certificate?: string
  readonly key?: string
  /** What is taken for the receiver's word that it has read everything. */
  readonly end: 'orderly' | 'closed'
  /** How long one delivery may take. */
  readonly timeout: Millis
}

/** How often one source may ask. */
export interface RateConfig {
  readonly requests: number
  readonly period: Millis
}

/** The files of a TLS listener. */
export interface TlsFiles {
  readonly certificate: string
  readonly key: string
  /** The authorities whose client certificates are let in. */
  readonly clientCa: string
}

export type ListenerConfig =
  | {
      readonly kind: 'tls'
      readonly name: string
      readonly host: string
      readonly port: number
      readonly allowedNetworks: readonly string[]
      readonly rate: RateConfig
      /** Whether the operator panel is served here. */
      readonly panel: boolean
      readonly files: TlsFiles
    }
  | {
      readonly kind: 'tcp'
      readonly name: string
      readonly host: string
      readonly port: number
      readonly allowedNetworks: readonly string[]
      readonly unattributedFailures: 'count' | 'alarm'
      readonly rate: RateConfig
      readonly panel: boolean
    }
  | {
      readonly kind: 'unix'
      readonly name: string
      readonly path: string
      /** Permission bits of the socket: who may connect. */
      readonly mode: number
      readonly admin: boolean
    }

/** How a Modbus device is reached. */
export type WayConfig =
  | ({ readonly protocol: 'modbus-tcp' | 'modbus-rtu-over-tcp' } & TcpEndpoint)
  | ({ readonly protocol: 'modbus-tcp-security' } & TlsEndpoint)
  | ({ readonly protocol: 'modbus-rtu' } & SerialLine)

export type DeviceConfig = ModbusDeviceConfig | OpcUaDeviceConfig

export interface OpcUaDeviceConfig {
  readonly kind: 'opcua'
  readonly endpoint: OpcUaEndpoint
  readonly timeout: Millis
}

export interface ModbusDeviceConfig {
  readonly kind: 'modbus'
  readonly way: WayConfig
  readonly unit: number
  readonly timeout: Millis
  /** How many requests the device takes before it has answered the first. */
  readonly inFlight: number
  readonly limits: ReadLimits
  readonly watchdog?: WatchdogConfig | undefined
}

/** The watchdog in a device: how it is kept, and its points by name. */
export interface WatchdogConfig {
  readonly spec: WatchdogSpec
  readonly points: ReadonlyMap<string, Point>
  readonly onStop: 'leave' | 'stop'
}

/** What an output falls back to: a point that shows it, undefined where the kind of device says it. */
export interface FallbackConfig {
  readonly point: Point | undefined
  /** The difference that the device cannot tell, in the unit of the command. */
  readonly tolerance: number
}

export interface ActuatorConfig {
  readonly id: string
  readonly description: string
  readonly device: string
  readonly command: Point
  readonly feedback: Point
  readonly domain: SetpointDomain
  /** Undefined: it holds where it is. */
  readonly safe: Target | undefined
  readonly tolerance: number
  readonly travelTime: Millis
  readonly approvals: ApprovalsNeeded
  /** Where its device has a watchdog. */
  readonly fallback?: FallbackConfig | undefined
  /** What the agent does to it when it is stopped in order. */
  readonly onStop: 'keep' | 'safe'
  readonly selectionLasts: Millis | undefined
  readonly pace: Pace
  readonly guards: ActuatorGuards
}

/** A measured value of some device. */
export interface ReadingConfig {
  readonly id: string
  readonly description: string
  readonly device: string
  readonly point: Point
  readonly unit: string
  readonly every: Millis
  readonly staleAfter: Millis
}

/** Which causes trip an actuator; a time is for how long each must last. Undefined: it does not. */
export interface TripsOn {
  readonly authenticationFailures: boolean
  readonly operatorHeartbeat: Millis | undefined
  readonly deviceUnreachable: Millis | undefined
  readonly feedbackMismatch: Millis | undefined
  readonly masterKeyUnavailable: Millis | undefined
  readonly clockUntrusted: Millis | undefined
  readonly auditUnwritable: Millis | undefined
  readonly limits: readonly LimitConfig[]
}

/** A process limit, as what must hold. */
export interface LimitConfig {
  readonly condition: Condition
  readonly after: Millis
  /** Whether a value that cannot be read counts as beyond the limit. */
  readonly tripsOnBadQuality: boolean
}

/** What guards an actuator beside the credentials of whoever commands it. */
export interface ActuatorGuards {
  readonly tripsOn: TripsOn
  /** Must hold while it is away from safe: otherwise it goes there, and may leave once they hold again. */
  readonly interlocks: readonly Condition[]
  /** Must hold when it is commanded away from safe. */
  readonly permissives: readonly Condition[]
  readonly hold: HoldRule | undefined
}
