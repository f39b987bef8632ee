"""A serial line without hardware: a pseudo terminal whose other end is a TCP connection.

    serial_line.py LINK PORT

makes LINK a name of the terminal, connects to 127.0.0.1:PORT, says "ready", and passes bytes on until its input ends.
"""

import os
import select
import socket
import sys
import tty

link, port = sys.argv[1], int(sys.argv[2])
ours, theirs = os.openpty()
for end in (ours, theirs):
    tty.setraw(end)
if os.path.lexists(link):
    os.unlink(link)
os.symlink(os.ttyname(theirs), link)
device = socket.create_connection(("127.0.0.1", port))
device.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print("ready", flush=True)
try:
    while True:
        ready, _, _ = select.select([ours, device, sys.stdin], [], [])
        if sys.stdin in ready:
            break
        if ours in ready:
            device.sendall(os.read(ours, 4096))
        if device in ready:
            data = device.recv(4096)
            if not data:
                break
            os.write(ours, data)
finally:
    if os.path.lexists(link):
        os.unlink(link)
