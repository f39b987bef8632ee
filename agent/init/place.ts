import { dirname, join, resolve } from 'node:path'

/** The configuration that the unit of the package reads. */
export const UNIT_CONFIG = '/etc/holdfast/holdfast.yaml'

/** A user of this host, as getent(1) has it. */
export interface HostUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** Where everything of a gateway goes, and whose it is. */
export interface Place {
  /** Absolute. */
  readonly config: string
  /** A gateway of the package, which systemd runs; otherwise a trial in a folder. */
  readonly isPackaged: boolean
  /** As the configuration says it; undefined where that need not say it. */
  readonly stateDirLine: string | undefined
  readonly stateDir: string
  /** As the configuration says it. */
  readonly operatorSocket: string
  readonly adminSocket: string
  /** Whom state and keys are to belong to; undefined where they are of whoever runs this. */
  readonly owner: HostUser | undefined
}

/**
 * The configuration of the package lies in /etc/holdfast, and what it names where the package's systemd files put it. Any other is
 * for a trial: everything is beside it, and belongs to whoever runs this. `agentUser` is the user of the unit, where there is one.
 */
export function placeOf(file: string, user: number, agentUser: HostUser | undefined): Place {
  const config = resolve(file)
  const folder = dirname(config)
  if (config !== UNIT_CONFIG) {
    return {
      config,
      isPackaged: false,
      stateDirLine: './state',
      stateDir: join(folder, 'state'),
      operatorSocket: './run/operator.sock',
      adminSocket: './run/admin.sock',
      owner: undefined,
    }
  }
  return {
    config,
    isPackaged: true,
    stateDirLine: undefined,
    stateDir: '/var/lib/holdfast',
    operatorSocket: '/run/holdfast/operator.sock',
    adminSocket: '/run/holdfast/admin.sock',
    owner: user === 0 ? agentUser : undefined,
  }
}
