import assert from 'node:assert/strict'

/** A machine that can be asked things, whatever it is made of. */
interface Machine {
  shell(line: string): Promise<string>
}

/**
 * Holds the agent's sandbox to its word, from inside: no capability, no core file, nothing to write but state and sockets, no device
 * but `devices`.
 */
export async function assertSandboxed(
  machine: Machine,
  pid: string,
  devices: readonly string[],
): Promise<void> {
  const status = await machine.shell(`cat /proc/${pid}/status`)
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
    assert.match(status, new RegExp(`^${set}:\\s0{16}$`, 'm'))
  assert.match(status, /^NoNewPrivs:\s1$/m)
  assert.match(status, /^Seccomp:\s2$/m)
  assert.match(await machine.shell(`cat /proc/${pid}/limits`), /Max core file size\s+0\s+0/)

  // Root may enter its mount namespace, and looks there as the agent.
  const user = await machine.shell('id --user holdfast')
  const inside = (line: string) =>
    machine.shell(
      `nsenter --target ${pid} --mount --user --preserve-credentials --setuid ${user} --setgid ${user} -- sh -c '${line}'`,
    )
  const places =
    '/usr /etc /etc/holdfast /var/lib /var/tmp /run /root /home /dev /dev/shm /tmp /run/holdfast /var/lib/holdfast'
  const probe = `for f in ${places}; do touch $f/probe 2>/dev/null && rm $f/probe && echo $f; done; true`
  const own = ['/run/holdfast', '/tmp', '/var/lib/holdfast', '/var/tmp']
  assert.deepEqual((await inside(probe)).split('\n').sort(), own)
  // Most of these are root's anyway. In its mount namespace root cannot write there either: that is the sandbox and no permission bits.
  // But for /run, which systemd 252 leaves to root.
  const byRoot = await machine.shell(`nsenter --target ${pid} --mount -- sh -c '${probe}'`)
  assert.deepEqual(
    byRoot
      .split('\n')
      .filter(place => place !== '/run')
      .sort(),
    own,
  )
  // A device that is mounted over a file is a file to `find -type`, which asks the directory.
  const found = await inside(
    'find /dev ! -type l 2>/dev/null | while read -r f; do if test -c $f -o -b $f; then echo $f; fi; done',
  )
  assert.deepEqual(
    found
      .split('\n')
      .filter(
        name => !/^\/dev\/(?:full|null|random|tty|urandom|zero|pts\/[0-9]+|(?:pts\/)?ptmx)$/.test(name),
      ),
    devices,
  )
  const started = await inside(
    'for f in /tmp /var/tmp /run/holdfast /var/lib/holdfast; do cp /bin/true $f/probe; $f/probe 2>/dev/null && echo $f; rm $f/probe; done; true',
  )
  assert.equal(started, '')
  assert.equal(await inside('ls /proc | grep -c "^1$" || true'), '0')
}
