import { error, type Finding, ok, warning } from './finding.ts'

/** What an agent says of itself (GET /v1/status), as much of it as is looked at here. */
export interface AgentWord {
  readonly uptime: string
  readonly troubles: readonly string[]
  /** Actuators by the phase that they are in. */
  readonly phases: ReadonlyMap<string, string>
}

/** `word` is undefined where none answers; `isHeld` says whether a process has the state directory all the same. */
export function checkAgent(word: AgentWord | undefined, isHeld: boolean): Finding[] {
  if (word === undefined)
    return isHeld
      ? [
          error(
            'a process holds the state directory and does not answer',
            'journalctl -u holdfast; systemctl restart holdfast',
          ),
        ]
      : [warning('no agent runs here', 'systemctl start holdfast, or holdfast agent')]
  const away = [...word.phases].filter(([, phase]) => phase !== 'normal')
  return [
    ok(`an agent answers, up ${word.uptime}`),
    ...word.troubles.map(text => error(`it does not carry out every command: ${text}`, 'holdfast status')),
    ...away.map(([id, phase]) =>
      warning(`${id} is ${phase}`, `holdfast status; then holdfast acknowledge ${id}, holdfast reset ${id}`),
    ),
  ]
}
