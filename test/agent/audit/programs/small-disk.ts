import { execFileSync } from 'node:child_process'
import { copyFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openAuditLog } from '../../../../agent/audit/log.ts'
import { verifyAuditLog } from '../../../../agent/audit/verify.ts'
import { systemClock } from '../../../../agent/time/system-clock.ts'
import { entry, intent, OpenLog, readRecords, SIGNER, VKEY } from '../fixture.ts'

// Runs in a mount namespace of its own, in a folder on a disk of two megabytes; prints what it found as JSON.
const [what, folder = ''] = process.argv.slice(2)
const path = join(folder, 'audit.db')

async function fill() {
  const ballast = join(folder, 'ballast')
  await using open = await OpenLog.open(path, { clock: systemClock, limits: { retry: 5 } })
  open.log.checkpointWith(SIGNER)
  writeFileSync(ballast, Buffer.alloc(1_200_000))
  let durable = 0
  let refused: string | undefined
  while (refused === undefined) {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => open.log.append(intent(index))),
    )
    durable += answers.filter(({ kind }) => kind === 'durable').length
    refused = answers.flatMap(answer => (answer.kind === 'unwritable' ? [answer.detail] : []))[0]
  }
  open.log.note(entry('trip', { actuator: 'valve-1' }))
  const atFull = verifyAuditLog({ path }).kind
  rmSync(ballast)
  await open.until(() => open.troubles.at(-1)?.kind === 'healed')
  const after = await open.log.append(intent(0))
  const records = readRecords(path)
  return {
    refused,
    atFull,
    acknowledged: records.filter(({ kind }) => kind === 'command-intent').length - 1 === durable,
    after: after.kind,
    trips: records.filter(({ kind }) => kind === 'trip').length,
    gaps: records.filter(({ alarm }) => alarm === 'audit-gap').length,
    verdict: verifyAuditLog({ path, publicKey: VKEY }).kind,
  }
}

async function readOnly() {
  const copy = join(folder, 'copy.db')
  {
    await using open = await OpenLog.open(path)
    for (let index = 0; index < 5; index += 1) await open.log.append(intent(index))
    copyFileSync(path, copy)
    copyFileSync(`${path}-wal`, `${copy}-wal`)
  }
  execFileSync('mount', ['-o', 'remount,ro', folder])
  const reopened = await openAuditLog({
    path,
    boot: 'boot-2',
    clock: systemClock,
    mode: 'existing',
    onTrouble: () => undefined,
  })
  const records = (of: string) => {
    const verdict = verifyAuditLog({ path: of })
    return verdict.kind === 'intact' ? verdict.records : verdict
  }
  return {
    reopened: reopened.kind,
    detail: 'detail' in reopened ? reopened.detail : '',
    closed: records(path),
    withWal: records(copy),
  }
}

process.stdout.write(JSON.stringify(what === 'fill' ? await fill() : await readOnly()))
