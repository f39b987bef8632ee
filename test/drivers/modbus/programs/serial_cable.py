"""A null modem cable without hardware: two pseudo terminals, each other's other end.

    serial_cable.py LINK LINK

gives each a name, says "ready", and passes bytes on until its input ends.
"""

import os
import select
import sys
import tty

ends = []
for link in sys.argv[1:3]:
    ours, theirs = os.openpty()
    for end in (ours, theirs):
        tty.setraw(end)
    os.symlink(os.ttyname(theirs), link)
    ends.append(ours)
print("ready", flush=True)
while True:
    ready, _, _ = select.select([*ends, sys.stdin], [], [])
    if sys.stdin in ready:
        break
    for end in ready:
        os.write(ends[1 - ends.index(end)], os.read(end, 4096))
