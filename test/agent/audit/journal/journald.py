"""A journal's socket that reads the native protocol from its specification alone, and prints each entry as a line of JSON."""
import json
import socket
import struct
import sys

path = sys.argv[1]
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind(path)
print(json.dumps({"listening": path}), flush=True)


def fields(datagram):
    found = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (length,) = struct.unpack("<Q", rest[:8])
            value, end, rest = rest[8 : 8 + length], rest[8 + length : 9 + length], rest[9 + length :]
            assert end == b"\n", "a value does not end where it says"
        assert name.isascii() and name.decode().replace("_", "A").isalnum() and name.isupper(), name
        assert name[0:1] not in b"_0123456789" and len(name) <= 64, name
        found[name.decode()] = value.decode()
        datagram = rest
    return found


while True:
    print(json.dumps(fields(journal.recv(1 << 20))), flush=True)
