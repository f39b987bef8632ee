import { stat } from 'node:fs/promises'
import { error, type Finding, ok } from './finding.ts'

/** Credentials that others can read: whoever can, can use them. */
export async function checkCredentialFiles(paths: readonly string[]): Promise<Finding[]> {
  const found = await Promise.all(
    paths.map(async path => ({ path, mode: (await stat(path).catch(() => undefined))?.mode ?? 0o600 })),
  )
  const open = found.filter(({ mode }) => (mode & 0o077) !== 0)
  if (open.length > 0)
    return open.map(({ path, mode }) =>
      error(
        `the credential ${path} has the mode ${(mode & 0o777).toString(8)}: others can use it`,
        `chmod 600 ${path}; where others have had it: holdfast credential show, holdfast credential revoke`,
      ),
    )
  return paths.length === 0
    ? []
    : [ok(`${paths.length} credential file${paths.length === 1 ? '' : 's'}: only the owner can read`)]
}
