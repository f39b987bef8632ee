import { timeout } from './forms.ts'

/** What an actuator may declare that stands between a command and the plant. None of it stands before its safe state. */
export const guardForms = {
  select_before_operate: timeout
    .refine(ms => ms <= 600_000, 'expected at most 10m: a selection is made just before its command')
    .optional(),
}
