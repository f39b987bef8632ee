#!/bin/sh
# Runs holdfast on the Node that came with it, whatever the host has.
# Keys are in the agent's memory: no core file gets them, and no signal opens the debugger's port to everybody on this host.
# shellcheck disable=SC3045 # dash, bash and busybox have it
ulimit -c 0
# A disk that hangs holds one thread for each small file that is being written, and one for the log: the devices must not wait for one.
export UV_THREADPOOL_SIZE=16
exec /usr/lib/holdfast/bin/node --disable-sigusr1 --disable-warning=ExperimentalWarning /usr/lib/holdfast/bin/holdfast.js "$@"
