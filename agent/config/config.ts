import type { ReadLimits } from '../../drivers/modbus/plan.ts'
import type { ModbusPoint } from '../../drivers/modbus/point.ts'
import type { TcpEndpoint } from '../../drivers/modbus/tcp.ts'
import type { EvidenceLimits } from '../../failsafe/evidence.ts'
import type { WatchdogSpec } from '../../failsafe/watchdog/watchdog.ts'
import type { Roles } from '../../model/role.ts'
import type { SetpointDomain, Target } from '../../model/setpoint.ts'
import type { Millis } from '../../model/time.ts'
import type { ApprovalsNeeded } from '../command/approvals.ts'

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
  readonly authenticationFailures: EvidenceLimits
  readonly devices: ReadonlyMap<string, DeviceConfig>
  readonly actuators: ReadonlyMap<string, ActuatorConfig>
  /** Actuators that trip together, in this order. */
  readonly tripGroups: ReadonlyMap<string, readonly string[]>
}

/** Where the master key is, and how long one use of it may take. */
export type MasterKeyConfig = { readonly timeout: Millis } & (
  | { readonly source: 'tpm'; readonly tcti: string; readonly pcrs: string }
  | { readonly source: 'file'; readonly path: string; readonly generation: number }
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
    }
  | {
      readonly kind: 'unix'
      readonly name: string
      readonly path: string
      /** Permission bits of the socket: who may connect. */
      readonly mode: number
      readonly admin: boolean
    }

export interface DeviceConfig {
  readonly protocol: 'modbus-tcp'
  readonly way: TcpEndpoint
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
  readonly points: ReadonlyMap<string, ModbusPoint>
  readonly onStop: 'leave' | 'stop'
}

/** What an output falls back to: a point that shows it, undefined where the kind of device says it. */
export interface FallbackConfig {
  readonly point: ModbusPoint | undefined
  /** The difference that the device cannot tell, in the unit of the command. */
  readonly tolerance: number
}

export interface ActuatorConfig {
  readonly id: string
  readonly description: string
  readonly device: string
  readonly command: ModbusPoint
  readonly feedback: ModbusPoint
  readonly domain: SetpointDomain
  readonly safe: Target
  readonly tolerance: number
  readonly travelTime: Millis
  readonly approvals: ApprovalsNeeded
  /** Where its device has a watchdog. */
  readonly fallback?: FallbackConfig | undefined
  /** What the agent does to it when it is stopped in order. */
  readonly onStop: 'keep' | 'safe'
}
