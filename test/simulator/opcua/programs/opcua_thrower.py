"""A client that gets in as any other does, and then sends chunks that are not what they should be.

    opcua_thrower.py URL none|sign|sign-and-encrypt [CERTIFICATE KEY]
What is wrong with them is decided before they are secured: their signature is right. Beside what opcua_client.py answers:
    {"do": "compose", "what", "words": [...]}: the body of a request, in hexadecimal
    {"do": "throw", "body", "wrong": {...}, "flips": [[at, bits], ...]}: sends it, and a request as it should be behind it;
        says what came back until the second was answered, or the connection ended
    {"do": "asks", "body"}: what a reader of its own finds in it that is to be written or called; null where it is no such request
"""
import math
import socket
import struct
import sys

sys.dont_write_bytecode = True
from opcua_client import Client, Fault, Reader, browsing, calling, main, node_id, reading, subscribing, writing  # noqa: E402

# So long an answer may take on a busy machine; one that has come ends the wait.
PATIENCE = 10
# A chunk that says that it is longer than it is gets so many bytes more, so that nobody waits for the rest.
FILLER_MAX = 200_000
SIZES = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 4, 8: 8, 9: 8, 10: 4, 11: 8, 13: 8, 14: 16, 19: 4}
FORMS = {1: "?", 2: "<b", 3: "<B", 4: "<h", 5: "<H", 6: "<i", 7: "<I", 8: "<q", 9: "<Q", 10: "<f", 11: "<d"}
COMPOSED = {
    "read": lambda *nodes: reading(nodes),
    "write": writing,
    "call": calling,
    "subscribe": subscribing,
    "browse": browsing,
}


class Asked(Reader):
    """Reads what a request asks for, of any built-in type (OPC 10000-6 §5.2.2)."""

    def node(self):
        raw = Reader(self.node_id())
        form = raw.take("<B") & 0x3F
        if form == 3:
            return [raw.take("<H"), raw.text()]
        number = {0: "<B", 1: "<BH", 2: "<HI"}.get(form)
        return list(struct.unpack_from(number, raw.raw, raw.at)) if number else None

    def item(self, kind):
        if kind in FORMS:
            value = self.take(FORMS[kind])
            # JSON has no other numbers.
            return value if math.isfinite(value) else None
        if kind in SIZES:
            self.at += SIZES[kind]
            return None
        others = {12: self.data, 15: self.data, 16: self.data, 17: self.node_id, 18: self.expanded, 20: self.qualified}
        others |= {21: self.localized, 22: self.extension, 23: self.changed, 24: self.typed}
        others[kind]()
        return None

    def expanded(self):
        flags = self.raw[self.at]
        self.node_id()
        if flags & 0x80:
            self.data()
        if flags & 0x40:
            self.at += 4

    def qualified(self):
        self.at += 2
        self.data()

    def typed(self):
        mask = self.take("<B")
        kind = mask & 0x3F
        if kind == 0:
            return {"type": 0, "value": None, "one": True}
        if not mask & 0x80:
            return {"type": kind, "value": self.item(kind), "one": True}
        self.array(lambda: self.item(kind))
        if mask & 0x40:
            self.array(lambda: self.take("<i"))
        return {"type": kind, "value": None, "one": False}

    def changed(self):
        mask = self.take("<B")
        value = self.typed() if mask & 1 else None
        for bit, size in ((2, 4), (4, 8), (0x10, 2), (8, 8), (0x20, 2)):
            if mask & bit:
                self.at += size
        return value

    def requested(self):
        kind = self.node()
        self.node_id(), self.take("<q"), self.take("<I"), self.take("<I"), self.text(), self.take("<I")
        self.extension()
        return kind


class Thrower(Client):
    def compose(self, what, words):
        kind, body = COMPOSED[what](*words)
        return (node_id(kind) + self.header() + body).hex()

    def throw(self, body, wrong, flips):
        self.sequence += 1
        self.request += 1
        thrown = wrong.get("request", self.request)
        kind = wrong.get("kind", "MSG").encode("latin1")
        also = {name: value for name, value in wrong.items() if name in ("channel", "token")}
        chunk = wrong.get("chunk", "F").encode("latin1")
        sequence = (self.sequence + wrong.get("skip", 0)) % 2**32
        frame = self.frame(b"MSG", bytes.fromhex(body), sequence, thrown, chunk, **also)
        if "size" in wrong:
            frame = self.frame(b"MSG", bytes.fromhex(body), sequence, thrown, chunk, size=wrong["size"], **also)
        frame = bytearray(kind + frame[3:])
        for at, bits in flips:
            frame[at % len(frame)] ^= bits
        missing = struct.unpack_from("<I", frame, 4)[0] - len(frame)
        if 0 < missing <= FILLER_MAX:
            frame += bytes(missing)
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.sendall(frame)
            self.send(b"MSG", node_id(631) + self.header() + reading([[2, "tank.level"]])[1])
        except OSError:
            # It was closed before all of it was sent: what came back says why.
            pass
        return self.heard({thrown: "thrown", self.request: "next"}, chunk == b"F")

    def heard(self, waited, both):
        """All answers until those that are waited for have come, and how it ended."""
        answers, parts = [], {}
        missing = set(waited.values()) if both else {"next"}
        while missing:
            try:
                kind, chunk, head, body = self.receive()
                if kind not in (b"MSG", b"OPN"):
                    return {"answers": answers, "end": f"a message of type {kind}"}
                request, part = self.opened(kind, head, body)
            except Fault as fault:
                said = str(fault)
                return {"answers": answers, "end": "closed" if "closed" in said else f"error {said}" + self.ended()}
            except ConnectionError:
                return {"answers": answers, "end": "closed"}
            except socket.timeout:
                return {"answers": answers, "end": "silent", "missing": sorted(missing)}
            parts[request] = parts.get(request, b"") + part
            if chunk == b"F":
                reader = Asked(parts.pop(request))
                form = Asked(reader.node_id()).node()
                answer = {"to": waited.get(request, f"{request}"), "type": form[-1], "status": f"{self.status(reader):08X}"}
                if form[-1] == 634:
                    answer["values"] = reader.array(reader.data_value)
                if form[-1] == 676:
                    answer["results"] = reader.array(lambda: f"{reader.take('<I'):08X}")
                if form[-1] == 715:
                    answer["results"] = reader.array(lambda: self.called(reader))
                answers.append(answer)
                missing.discard(answer["to"])
        return {"answers": answers, "end": "open"}

    def called(self, reader):
        """The status of a call, with the rest of what it gave behind it."""
        status = f"{reader.take('<I'):08X}"
        reader.array(lambda: reader.take("<I")), reader.take("<i"), reader.array(lambda: reader.typed())
        return status

    def ended(self):
        """After an error nothing more may come (OPC 10000-6 §7.1.5)."""
        try:
            return "" if self.socket.recv(1) == b"" else ", and goes on"
        except ConnectionError:
            return ""
        except socket.timeout:
            return ", and stays open"

    def asks(self, body):
        reader = Asked(bytes.fromhex(body))
        try:
            kind = reader.requested()
            if kind[-1] == 673:
                return reader.array(
                    lambda: [reader.node(), reader.take("<I"), reader.data() is None, reader.changed()]
                )
            if kind[-1] == 712:
                return reader.array(lambda: [reader.node(), reader.node(), reader.array(reader.typed)])
        except (struct.error, KeyError, IndexError, TypeError, UnicodeDecodeError):
            pass
        return None


if __name__ == "__main__":
    main(Thrower)
