import { randomBytes } from 'node:crypto'
import { release } from 'node:os'
import { compareFallbacks } from '../../failsafe/watchdog/commissioning.ts'
import { Registers, Trouble } from '../../failsafe/watchdog/registers.ts'
import { watchdogOf } from '../../failsafe/watchdog/watchdog.ts'
import { Progress } from '../command/progress.ts'
import { counterStatus } from '../counter-finding.ts'
import { KeyFiles } from '../credential/tpm/key-files.ts'
import { tpmStatus } from '../credential/tpm/status.ts'
import { Devices } from '../devices.ts'
import { checkLog } from '../doctor/audit-log.ts'
import {
  type CertificateFile,
  certificatesOf,
  checkCertificates,
  trustedServersOf,
} from '../doctor/certificates.ts'
import { checkClock } from '../doctor/clock.ts'
import { checkCredentialFiles } from '../doctor/credential-files.ts'
import { checkDevices, checkWatchdogs, type GuardLook } from '../doctor/devices.ts'
import { checkDisk } from '../doctor/disk.ts'
import { type Finding, notChecked } from '../doctor/finding.ts'
import { checkKernel, checkSystemd } from '../doctor/kernel.ts'
import { checkMasterKey, checkRotation } from '../doctor/master-key.ts'
import { checkPermissions } from '../doctor/permissions.ts'
import { checkPorts } from '../doctor/ports.ts'
import { checkAgent } from '../doctor/running-agent.ts'
import { checkTpmDevice, tpmFindings } from '../doctor/tpm.ts'
import { checkUnit, UNIT_PROPERTIES } from '../doctor/unit.ts'
import { guardedDevices } from '../guarded-devices.ts'
import { openMasterKeys } from '../master-keys.ts'
import { auditPath, cursorPath, floorPath, vkeyPath } from '../paths.ts'
import { floorFile } from '../time/kept-clock.ts'
import { askSynchronised } from '../time/synchronisation.ts'
import { systemClock } from '../time/system-clock.ts'
import { credentialFilesOf, guardedPathsOf } from './doctor-paths.ts'
import { ask, type Subject } from './doctor-subject.ts'
import { probePoints } from './probe.ts'

/** What one line of the report is about. */
export interface Check {
  readonly name: string
  /** What it cannot be done without: somebody who may read the state directory; devices or a network that may be touched. */
  readonly needs: 'nothing' | 'state' | 'devices'
  run(subject: Subject): Promise<readonly Finding[]> | readonly Finding[]
}

/** Done whatever becomes of the configuration. */
export const HOST_CHECKS: readonly { readonly name: string; run(): Promise<readonly Finding[]> }[] = [
  { name: 'kernel', run: async () => checkKernel(release()) },
  { name: 'systemd', run: async () => checkSystemd(await ask('systemctl', '--version')) },
]

/** The rest, in the order of the report. */
export const CHECKS: readonly Check[] = [
  {
    name: 'clock',
    needs: 'nothing',
    run: async ({ config, clock, seesState }) =>
      checkClock({
        wall: clock.wall(),
        floor: seesState
          ? await floorFile(floorPath(config))
              .load()
              .then(
                kept => kept?.floor,
                () => 'unread' as const,
              )
          : 'unread',
        synchronised: await askSynchronised().catch(() => undefined),
      }),
  },
  {
    name: 'permissions',
    needs: 'nothing',
    run: async subject => await checkPermissions(await guardedPathsOf(subject), subject.agent),
  },
  {
    name: 'credentials',
    needs: 'nothing',
    run: async subject => await checkCredentialFiles(await credentialFilesOf(subject)),
  },
  {
    name: 'disk',
    needs: 'state',
    run: async ({ config, clock }) => await checkDisk(config.stateDir, clock),
  },
  {
    name: 'audit log',
    needs: 'state',
    run: async ({ config }) =>
      await checkLog({
        path: auditPath(config),
        vkey: vkeyPath(config),
        cursor: cursorPath(config),
        isForwarded: config.audit.syslog !== undefined,
      }),
  },
  {
    name: 'TPM',
    needs: 'nothing',
    run: async ({ config: { masterKey }, agent }) =>
      masterKey.source === 'tpm'
        ? await checkTpmDevice(masterKey.tcti, agent)
        : [notChecked(`the master key comes from ${masterKey.source}`)],
  },
  { name: 'master key', needs: 'state', run: lookAtMasterKey },
  {
    name: 'audit counter',
    needs: 'state',
    run: async ({ config }) => {
      const counter = await counterStatus(config)
      if (counter === undefined) return [notChecked('there is no audit log that is bound to a TPM')]
      const { finding, isCompared } = counter
      return isCompared ? tpmFindings([finding]) : [notChecked(finding.text)]
    },
  },
  { name: 'rotation', needs: 'state', run: lookAtRotation },
  {
    name: 'ports',
    needs: 'nothing',
    run: async ({ config, running }) => await checkPorts(config.listeners, running),
  },
  {
    name: 'certificates',
    needs: 'nothing',
    run: async ({ config, clock }) => {
      const trusted = await trustedServersOf(config)
      const files = trusted.filter((each): each is CertificateFile => 'path' in each)
      const missing = trusted.filter((each): each is Finding => 'level' in each)
      const all = [...certificatesOf(config), ...files]
      return [...missing, ...(await checkCertificates(all, config.alarms.certificateExpires, clock.wall()))]
    },
  },
  {
    name: 'devices',
    needs: 'devices',
    run: async ({ config }) => checkDevices([...config.devices.keys()], await probePoints(config)),
  },
  { name: 'watchdogs', needs: 'devices', run: lookAtWatchdogs },
  {
    name: 'unit',
    needs: 'nothing',
    run: async ({ isPackaged, file }) => {
      if (!isPackaged) return [notChecked(`no unit reads ${file}`)]
      const shown = await ask(
        'systemctl',
        'show',
        'holdfast.service',
        ...UNIT_PROPERTIES.map(name => `--property=${name}`),
      )
      if (shown === undefined) return [notChecked('systemd does not manage this host')]
      return checkUnit(shown, await ask('systemd-analyze', 'security', '--no-pager', 'holdfast.service'))
    },
  },
  { name: 'agent', needs: 'nothing', run: ({ word, isHeld }) => checkAgent(word, isHeld) },
]

async function lookAtMasterKey({
  config,
  agent,
  clock,
  offline,
  credentialsDirectory,
}: Subject): Promise<readonly Finding[]> {
  const { masterKey, stateDir } = config
  if (masterKey.source === 'tpm') {
    const { tcti, timeout } = masterKey
    const signal = AbortSignal.timeout(timeout * 3)
    return tpmFindings((await tpmStatus({ tcti, stateDir, clock, signal })).findings)
  }
  if (masterKey.source === 'vault' && offline) return [notChecked('--offline: the Vault is not asked')]
  const isOfService =
    masterKey.source === 'systemd-credential' ||
    (masterKey.source === 'file' && masterKey.sealedUnder !== undefined)
  if (isOfService && credentialsDirectory === undefined)
    return [notChecked('systemd gives this key to the service alone', 'holdfast status asks the agent')]
  const { generations, warnings } = await openMasterKeys(config, { user: agent.uid, credentialsDirectory })
  return await checkMasterKey(generations[0].master, warnings, masterKey.timeout)
}

async function lookAtRotation({ config, clock }: Subject): Promise<readonly Finding[]> {
  const { stateDir, credentials } = config
  const files = new KeyFiles(stateDir)
  const newest = await files.newest()
  const record = newest === undefined ? undefined : await files.read(newest)
  const since = typeof record === 'object' ? Date.parse(record.enrolledAt) : undefined
  return checkRotation(since, credentials.rotationDue, clock.wall())
}

/** Reads what each device falls back to and what its watchdog does. Clears and arms nothing. */
async function lookAtWatchdogs({ config, running }: Subject): Promise<readonly Finding[]> {
  await using devices = new Devices(config, systemClock, randomBytes, new Progress(systemClock))
  await devices.attempted
  const guarded = guardedDevices(config, devices.actuators)
  const looks = await Promise.all(
    guarded.map(async ({ id, driver, timeout, watchdog, outputs }): Promise<GuardLook> => {
      const registers = new Registers(driver, timeout)
      const look = await watchdogOf(watchdog, registers).look()
      if (look instanceof Trouble) return { device: id, look: { trouble: look.detail }, disagreements: [] }
      const compared = await compareFallbacks(id, outputs, registers)
      if (compared.kind === 'unread')
        return { device: id, look: { trouble: compared.detail }, disagreements: [] }
      const disagreements = compared.kind === 'disagrees' ? compared.details : []
      return { device: id, look: { shows: look }, disagreements }
    }),
  )
  const watched = new Set(guarded.map(({ id }) => id))
  const commanded = new Set([...config.actuators.values()].map(({ device }) => device))
  return checkWatchdogs(
    looks,
    [...commanded].filter(id => !watched.has(id)),
    running !== undefined,
  )
}
