/** What a check found. */
export type Finding =
  | { readonly level: 'ok'; readonly text: string }
  /** `error`: the gateway does not do its work, or will not at its next start. `warning`: it does, and somebody should look at this. */
  | { readonly level: 'warning' | 'error'; readonly text: string; readonly remedy: string }
  /** With why not, and where there is one the way to have it checked. */
  | { readonly level: 'not-checked'; readonly text: string; readonly remedy?: string }

export function ok(text: string): Finding {
  return { level: 'ok', text }
}

export function warning(text: string, remedy: string): Finding {
  return { level: 'warning', text, remedy }
}

export function error(text: string, remedy: string): Finding {
  return { level: 'error', text, remedy }
}

export function notChecked(text: string, remedy?: string): Finding {
  return { level: 'not-checked', text, ...(remedy === undefined ? {} : { remedy }) }
}
