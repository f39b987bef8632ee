"""An OPC UA client of its own, from the specification (OPC 10000-4 and -6) and Debian's cryptography library alone.

It shares no code with the library that the simulator serves OPC UA with, nor with the one that our driver uses.
    opcua_client.py URL none|sign|sign-and-encrypt [CERTIFICATE KEY]
It reads one request a line from standard input, as JSON, and writes one answer a line:
    {"do": "open", "user": null | ["name", "password"]}   {"do": "read", "nodes": [...]}   {"do": "write", "node", "type", "value"}
    {"do": "call", "object", "method", "type", "value"}   {"do": "watch", "node"}          {"do": "next"}
    {"do": "endpoints"}                                    {"do": "properties", "node"}
    {"do": "resume", "user"}: over a new connection and channel, the session that there was
A node is [namespace, "name"]; a number is a node of namespace 0.
"""
import hashlib
import hmac
import json
import os
import socket
import struct
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

NONE = "http://opcfoundation.org/UA/SecurityPolicy#None"
BASIC = "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
RSA_OAEP = "http://www.w3.org/2001/04/xmlenc#rsa-oaep"
OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
TYPES = {"Boolean": (1, "?"), "UInt16": (5, "<H"), "Int32": (6, "<i"), "UInt32": (7, "<I"), "Double": (11, "<d")}
BY_CODE = {code: form for code, form in TYPES.values()}
GOOD = 0
# MessageSecurityMode (OPC 10000-4 §7.20).
MODES = {"none": 1, "sign": 2, "sign-and-encrypt": 3}


class Fault(Exception):
    pass


def text(value):
    return data(None if value is None else value.encode())


def data(value):
    return struct.pack("<i", -1) if value is None else struct.pack("<i", len(value)) + value


def node_id(node):
    if isinstance(node, int):
        return struct.pack("<BBH", 1, 0, node)
    if isinstance(node, bytes):
        return node
    return struct.pack("<BH", 3, node[0]) + text(node[1])


def array(items):
    return struct.pack("<i", len(items)) + b"".join(items)


def variant(kind, value):
    code, form = TYPES[kind]
    return bytes([code]) + struct.pack(form, value)


def value_of(node, attribute=13):
    return node_id(node) + struct.pack("<I", attribute) + text(None) + struct.pack("<H", 0) + text(None)


def reading(nodes):
    return 631, struct.pack("<dI", 0, 2) + array([value_of(node) for node in nodes])


def writing(node, kind, value):
    return 673, array([value_of(node)[:-6] + b"\1" + variant(kind, value)])


def calling(of, method, kind, value):
    return 712, array([node_id(of) + node_id(method) + array([variant(kind, value)])])


def subscribing():
    return 787, struct.pack("<dIII?B", 50, 1000, 100, 0, True, 0)


def browsing(node):
    browse = node_id(node) + struct.pack("<I", 0) + node_id(46) + struct.pack("<?II", True, 0, 63)
    return 527, b"\0\0" + struct.pack("<qI", 0, 0) + struct.pack("<I", 0) + array([browse])


class Reader:
    def __init__(self, raw):
        self.raw, self.at = raw, 0

    def take(self, form):
        (value,) = struct.unpack_from(form, self.raw, self.at)
        self.at += struct.calcsize(form)
        return value

    def data(self):
        length = self.take("<i")
        if length < 0:
            return None
        self.at += length
        return self.raw[self.at - length : self.at]

    def text(self):
        value = self.data()
        return None if value is None else value.decode()

    def node_id(self):
        start, form = self.at, self.take("<B") & 0x3F
        if form == 3:
            self.at += 2
            self.data()
        elif form == 5:
            self.at += 2
            self.data()
        else:
            self.at += {0: 1, 1: 3, 2: 6, 4: 18}[form]
        return self.raw[start : self.at]

    def localized(self):
        mask = self.take("<B")
        if mask & 1:
            self.text()
        return self.text() if mask & 2 else None

    def array(self, read):
        return [read() for _ in range(max(0, self.take("<i")))]

    def extension(self):
        kind, form = self.node_id(), self.take("<B")
        return (kind, self.data() if form else None)

    def variant(self):
        code = self.take("<B")
        kind = code & 0x3F
        if kind == 0:
            return None
        read = {12: self.text, 22: self.extension, 21: self.localized}.get(kind) or (lambda: self.take(BY_CODE[kind]))
        return self.array(read) if code & 0x80 else read()

    def data_value(self):
        mask = self.take("<B")
        value = self.variant() if mask & 1 else None
        status = self.take("<I") if mask & 2 else GOOD
        source = self.take("<q") if mask & 4 else None
        if mask & 0x10:
            self.take("<H")
        server = self.take("<q") if mask & 8 else None
        if mask & 0x20:
            self.take("<H")
        if isinstance(value, tuple):
            value = value[1].hex()
        return {"value": value, "status": f"{status:08X}", "source": unix_ms(source), "server": unix_ms(server)}

    def application(self):
        uri = self.text()
        self.text(), self.localized(), self.take("<I"), self.text(), self.text(), self.array(self.text)
        return uri

    def endpoint(self):
        url, application, certificate = self.text(), self.application(), self.data()
        mode, policy = self.take("<I"), self.text()
        tokens = self.array(lambda: (self.text(), self.take("<I"), self.text(), self.text(), self.text())[:2])
        self.text(), self.take("<B")
        sha256 = hashlib.sha256(certificate or b"").hexdigest()
        return {"url": url, "application": application, "mode": mode, "policy": policy, "users": tokens, "sha256": sha256}


def unix_ms(ticks):
    return None if ticks is None else ticks / 10_000 - 11_644_473_600_000


def p_sha256(secret, seed, length):
    out, a = b"", seed
    while len(out) < length:
        a = hmac.digest(secret, a, "sha256")
        out += hmac.digest(secret, a + seed, "sha256")
    return out[:32], out[32:64], out[64:80]


class Client:
    def __init__(self, url, security, files):
        self.url, self.mode, self.server_der = url, MODES[security], None
        self.secure, self.secret = self.mode > 1, self.mode == 3
        self.sequence = self.request = 0
        self.channel = self.token = 0
        self.auth, self.keys = b"\0\0", None
        if self.secure:
            with open(files[0], "rb") as file:
                self.der = x509.load_pem_x509_certificate(file.read()).public_bytes(serialization.Encoding.DER)
            with open(files[1], "rb") as file:
                self.key = serialization.load_pem_private_key(file.read(), None)
            plain = Client(url, "none", None)
            self.server_der = plain.server_certificate()
            plain.socket.close()
            self.server_key = x509.load_der_x509_certificate(self.server_der).public_key()
        self.connect()

    def connect(self):
        host, port = self.url.removeprefix("opc.tcp://").rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))
        self.socket.settimeout(20)
        hello = struct.pack("<IIIII", 0, 65536, 65536, 0, 0) + text(self.url)
        self.socket.sendall(b"HELF" + struct.pack("<I", 8 + len(hello)) + hello)
        self.receive()
        self.open_channel()

    def exactly(self, length):
        raw = b""
        while len(raw) < length:
            more = self.socket.recv(length - len(raw))
            if not more:
                raise Fault("the connection was closed")
            raw += more
        return raw

    def receive(self):
        head = self.exactly(8)
        kind, chunk, length = head[:3], head[3:4], struct.unpack("<I", head[4:])[0]
        body = self.exactly(length - 8)
        if kind == b"ERR":
            raise Fault(f"{struct.unpack_from('<I', body)[0]:08X}")
        return kind, chunk, head, body

    def header(self):
        return self.auth + struct.pack("<qII", 0, self.request, 0) + text(None) + struct.pack("<I", 20_000) + b"\0\0\0"

    def open_channel(self):
        nonce = os.urandom(32) if self.secure else None
        body = node_id(446) + self.header() + struct.pack("<III", 0, 0, self.mode) + data(nonce)
        self.send(b"OPN", body + struct.pack("<I", 600_000))
        answer = self.answer()
        answer.take("<I")
        self.channel, self.token = answer.take("<I"), answer.take("<I")
        answer.take("<q"), answer.take("<I")
        server_nonce = answer.data()
        if self.secure:
            self.keys = p_sha256(server_nonce, nonce, 80), p_sha256(nonce, server_nonce, 80)

    def send(self, kind, body):
        self.sequence += 1
        self.request += 1
        self.socket.sendall(self.frame(kind, body, self.sequence, self.request))

    def frame(self, kind, body, sequence, request, chunk=b"F", channel=None, token=None, size=None):
        """A chunk, secured; anything in its head can be another than it should be, and is then signed as it is."""
        plain = struct.pack("<II", sequence, request) + body
        if kind == b"OPN":
            thumb = hashlib.sha1(self.server_der).digest() if self.secure else None
            policy = text(BASIC if self.secure else NONE) + data(self.der if self.secure else None) + data(thumb)
        else:
            policy = struct.pack("<I", self.token if token is None else token)
        if not self.secure:
            sealed = lambda head: plain
            length = len(plain)
        elif kind == b"OPN":
            pad = -(len(plain) + 1 + 256) % 214
            plain += bytes([pad]) * (pad + 1)
            length = (len(plain) + 256) // 214 * 256

            def sealed(head):
                signed = plain + self.key.sign(head + policy + plain, padding.PKCS1v15(), hashes.SHA256())
                blocks = [signed[at : at + 214] for at in range(0, len(signed), 214)]
                return b"".join(self.server_key.encrypt(block, OAEP) for block in blocks)
        else:
            sign, encrypt, start = self.keys[0]
            if self.secret:
                pad = -(len(plain) + 1 + 32) % 16
                plain += bytes([pad]) * (pad + 1)
            length = len(plain) + 32

            def sealed(head):
                signed = plain + hmac.digest(sign, head + policy + plain, "sha256")
                if not self.secret:
                    return signed
                cipher = Cipher(algorithms.AES(encrypt), modes.CBC(start)).encryptor()
                return cipher.update(signed) + cipher.finalize()

        whole = 12 + len(policy) + length
        head = kind + chunk + struct.pack("<II", whole if size is None else size, self.channel if channel is None else channel)
        return head + policy + sealed(head)

    def opened(self, kind, head, body):
        """What is in a chunk: the number of its request, and its part of the message."""
        reader = Reader(body)
        reader.take("<I")
        if kind == b"OPN":
            reader.text(), reader.data(), reader.data()
        else:
            reader.take("<I")
        rest = body[reader.at :]
        if self.secure and kind == b"OPN":
            rest = b"".join(self.key.decrypt(rest[at : at + 256], OAEP) for at in range(0, len(rest), 256))
            signed, signature = rest[:-256], rest[-256:]
            self.server_key.verify(signature, head + body[: reader.at] + signed, padding.PKCS1v15(), hashes.SHA256())
            rest = signed[: -signed[-1] - 1]
        elif self.secure:
            sign, encrypt, start = self.keys[1]
            if self.secret:
                cipher = Cipher(algorithms.AES(encrypt), modes.CBC(start)).decryptor()
                rest = cipher.update(rest) + cipher.finalize()
            signed, signature = rest[:-32], rest[-32:]
            if not hmac.compare_digest(signature, hmac.digest(sign, head + body[: reader.at] + signed, "sha256")):
                raise Fault("a wrong signature")
            rest = signed[: -signed[-1] - 1] if self.secret else signed
        return struct.unpack_from("<I", rest, 4)[0], rest[8:]

    def answer(self):
        whole = b""
        while True:
            kind, chunk, head, body = self.receive()
            whole += self.opened(kind, head, body)[1]
            if chunk == b"F":
                break
        reader = Reader(whole)
        reader.node_id()
        status = self.status(reader)
        if status != GOOD:
            raise Fault(f"{status:08X}")
        return reader

    def status(self, reader):
        """The service result, with the rest of the header of an answer behind it."""
        reader.take("<q"), reader.take("<I")
        status = reader.take("<I")
        if reader.take("<B") != 0:
            raise Fault("diagnostics that nobody asked for")
        reader.array(reader.text), reader.extension()
        return status

    def ask(self, kind, body):
        self.send(b"MSG", node_id(kind) + self.header() + body)
        return self.answer()

    def endpoints(self):
        answer = self.ask(428, text(self.url) + array([]) + array([]))
        return answer.array(answer.endpoint)

    def server_certificate(self):
        answer = self.ask(428, text(self.url) + array([]) + array([]))
        answer.take("<i"), answer.text(), answer.application()
        return answer.data()

    def open(self, user):
        description = text("urn:plant:gateway") + text("urn:test") + b"\2" + text("test") + struct.pack("<I", 1)
        description += text(None) + text(None) + array([])
        nonce = os.urandom(32)
        body = description + text(None) + text(self.url) + text("test") + data(nonce)
        answer = self.ask(461, body + data(self.der if self.secure else None) + struct.pack("<dI", 60_000, 0))
        answer.node_id()
        self.auth = answer.node_id()
        answer.take("<d")
        self.nonce, _ = answer.data(), answer.data()
        wanted = (self.mode, BASIC if self.secure else NONE)
        tokens = next(
            each["users"] for each in answer.array(answer.endpoint) if (each["mode"], each["policy"]) == wanted
        )
        self.policy = next(name for name, kind in tokens if kind == (1 if user else 0))
        return self.activate(user)

    def resume(self, user):
        session, self.auth = self.auth, b"\0\0"
        self.channel = self.token = self.sequence = 0
        self.connect()
        self.auth = session
        return self.activate(user)

    def activate(self, user):
        if user:
            secret = user[1].encode() + self.nonce
            secret = self.server_key.encrypt(struct.pack("<I", len(secret)) + secret, OAEP)
            token = (324, text(self.policy) + text(user[0]) + data(secret) + text(RSA_OAEP))
        else:
            token = (321, text(self.policy))
        signature = text(None) + data(None)
        if self.secure:
            signed = self.key.sign(self.server_der + self.nonce, padding.PKCS1v15(), hashes.SHA256())
            signature = text(RSA_SHA256) + data(signed)
        body = signature + array([]) + array([]) + node_id(token[0]) + b"\1" + data(token[1])
        self.nonce = self.ask(467, body + text(None) + data(None)).data()
        return {"namespaces": self.read([2255])[0]["value"]}

    def read(self, nodes):
        answer = self.ask(*reading(nodes))
        return answer.array(answer.data_value)

    def write(self, node, kind, value):
        answer = self.ask(*writing(node, kind, value))
        return [f"{code:08X}" for code in answer.array(lambda: answer.take("<I"))]

    def call(self, of, method, kind, value):
        answer = self.ask(*calling(of, method, kind, value))
        answer.take("<i")
        return f"{answer.take('<I'):08X}"

    def watch(self, node):
        answer = self.ask(*subscribing())
        subscription = answer.take("<I")
        item = value_of(node) + struct.pack("<IId", 2, 7, 50) + b"\0\0\0" + struct.pack("<I?", 10, True)
        answer = self.ask(751, struct.pack("<II", subscription, 2) + array([item]))
        answer.take("<i")
        return f"{answer.take('<I'):08X}"

    def next(self):
        while True:
            answer = self.ask(826, array([]))
            answer.take("<I"), answer.array(lambda: answer.take("<I")), answer.take("<?"), answer.take("<I")
            answer.take("<q")
            for _, body in answer.array(answer.extension):
                changes = Reader(body)
                return changes.array(lambda: (changes.take("<I"), changes.data_value())[1])

    def properties(self, node):
        """The references forward from a node that are properties: their names and values."""
        answer = self.ask(*browsing(node))
        answer.take("<i"), answer.take("<I"), answer.data()
        found = {}

        def reference():
            answer.node_id(), answer.take("<?")
            target = answer.node_id()
            answer.take("<H")
            name = answer.text()
            answer.localized(), answer.take("<I"), answer.node_id()
            found[name] = target

        answer.array(reference)
        return {name: self.read([target])[0]["value"] for name, target in found.items()}


def main(make=Client):
    url, security, *files = sys.argv[1:]
    client = None
    for line in sys.stdin:
        request = json.loads(line)
        do = request.pop("do")
        try:
            if client is None:
                client = make(url, security, files)
            answer = {"is": getattr(client, do)(*request.values())}
        except (Fault, OSError) as error:
            answer = {"fault": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
