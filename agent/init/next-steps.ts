import { join } from 'node:path'
import type { Place } from './place.ts'

/** The three commands that come after `holdfast init`. `holdfast` is how this program is called here. */
export function nextSteps(place: Place, hasDevice: boolean, holdfast: string): readonly string[] {
  const { config, isPackaged } = place
  const on = isPackaged ? '' : ` --config ${quote(config)}`
  if (!hasDevice) {
    const check = isPackaged ? `${holdfast} check` : `${holdfast} check ${quote(config)}`
    const start = isPackaged ? 'systemctl restart holdfast' : `${holdfast} agent${on}`
    return [`\${EDITOR:-vi} ${quote(config)}    # your devices and actuators`, check, start]
  }
  const socket = isPackaged ? '' : ` --agent unix:${quote(join(config, '..', place.operatorSocket))}`
  return isPackaged
    ? [`${holdfast} doctor`, 'systemctl restart holdfast', `${holdfast} status`]
    : [
        `${holdfast} doctor${on}`,
        `${holdfast} agent${on}    # stays in the foreground`,
        `${holdfast} status${socket}`,
      ]
}

/** A path as a shell takes it. */
function quote(path: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}
