/** What this process writes to its standard error while something is done, all of it. */
export async function errorOutputOf(act: () => Promise<void>): Promise<string> {
  const { write } = process.stderr
  let text = ''
  process.stderr.write = ((bytes: string | Uint8Array) => {
    text += bytes
    return true
  }) as typeof write
  try {
    await act()
  } finally {
    process.stderr.write = write
  }
  return text
}
