"""Checks what `holdfast audit prove` prints. Shares no code with it: written from RFC 6962, RFC 9162, RFC 8032 and C2SP.

    check_proof.py VKEY < PROOF      says `proven`, or why not with exit code 1. Standard library only.
"""
import base64, hashlib, json, sys

# RFC 8032, section 6: Ed25519, the reference in Python, verification only.
P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def point_add(a, b):
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, i, j, k = f - e, h - g, h + g, f + e
    return (e * i % P, j * k % P, i * j % P, e * k % P)


def point_mul(scalar, point):
    total = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            total = point_add(total, point)
        point, scalar = point_add(point, point), scalar >> 1
    return total


def point_decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P != 0:
        x = x * SQRT_M1 % P
    assert y < P and (x * x - x2) % P == 0, "not a point"
    return ((P - x if x & 1 != sign else x), y, 1, (P - x if x & 1 != sign else x) * y % P)


GY = 4 * pow(5, P - 2, P) % P
G = point_decompress(GY.to_bytes(32, "little"))


def signature_is_right(key, message, signature):
    a, r = point_decompress(key), point_decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    left, right = point_mul(s, G), point_add(r, point_mul(h, a))
    same = lambda i: (left[i] * right[2] - right[i] * left[2]) % P == 0
    return s < Q and same(0) and same(1)


# RFC 6962, section 2.1.
def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_from_inclusion(leaf, index, size, path):
    """RFC 9162, section 2.1.3.2."""
    assert index < size, "the record is beyond the tree"
    fn, sn, r = index, size - 1, leaf
    for p in path:
        assert sn != 0, "the path is too long"
        if fn & 1 or fn == sn:
            r = node(p, r)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0, "the path is too short"
    return r


def check_consistency(first, first_root, second, second_root, path):
    """RFC 9162, section 2.1.4.2."""
    if first == second:
        assert not path and first_root == second_root, "two roots of one size"
        return
    assert 0 < first < second, "the sizes are not in order"
    if first & (first - 1) == 0:
        path = [first_root] + path
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        assert sn != 0, "the path is too long"
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    assert (fr, sr, sn) == (first_root, second_root, 0), "the path does not lead to the roots"


def read_checkpoint(note, vkey):
    """C2SP signed-note and tlog-checkpoint. Gives size and root of a checkpoint that the key signed."""
    name, key_id, key = vkey.strip().split("+", 2)
    key = base64.b64decode(key)
    assert key[0] == 1 and hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] == key_id, "not a vkey"
    text, signatures = note.split("\n\n", 1)
    text += "\n"
    origin, size, root = text.split("\n")[:3]
    assert origin == name, "of another log"
    for line in signatures.splitlines():
        dash, signer, data = line.split(" ")
        data = base64.b64decode(data)
        if dash == "—" and signer == name and data[:4].hex() == key_id:
            assert signature_is_right(key[1:], text.encode(), data[4:]), "the signature is wrong"
            return int(size), base64.b64decode(root)
    raise AssertionError("not signed by the key")


def read_tlog_proof(text):
    """C2SP tlog-proof: index, path, checkpoint."""
    head, checkpoint = text.split("\n\n", 1)
    version, index, *path = head.split("\n")
    assert version == "c2sp.org/tlog-proof@v1" and index.startswith("index "), "not a tlog-proof"
    return int(index[6:]), [base64.b64decode(line) for line in path], checkpoint


def read_stand(stand, vkey):
    size, root = stand["tree_size"], base64.b64decode(stand["root_hash"])
    if stand["checkpoint"] is not None:
        assert read_checkpoint(stand["checkpoint"], vkey) == (size, root), "the checkpoint is of another tree"
    return size, root


def check(proof, vkey):
    if proof["proves"] == "consistency":
        path = [base64.b64decode(each) for each in proof["consistency_path"]]
        check_consistency(*read_stand(proof["older"], vkey), *read_stand(proof["newer"], vkey), path)
        return
    size, root = read_stand(proof, vkey)
    leaf = base64.b64decode(proof["leaf_hash"])
    if proof["record"] is not None:
        assert hashlib.sha256(b"\x00" + proof["record"].encode()).digest() == leaf, "the record has another hash"
        assert json.loads(proof["record"])["seq"] == proof["leaf_index"], "the record has another place"
    path = [base64.b64decode(each) for each in proof["inclusion_path"]]
    assert root_from_inclusion(leaf, proof["leaf_index"], size, path) == root, "the path does not lead to the root"
    if proof["tlog_proof"] is not None:
        index, path, checkpoint = read_tlog_proof(proof["tlog_proof"])
        size, root = read_checkpoint(checkpoint, vkey)
        assert index == proof["leaf_index"], "the tlog-proof is of another record"
        assert root_from_inclusion(leaf, index, size, path) == root, "the tlog-proof does not lead to the root"


if __name__ == "__main__":
    try:
        for line in sys.stdin if sys.argv[2:] == ["--lines"] else [sys.stdin.read()]:
            check(json.loads(line), sys.argv[1])
    except AssertionError as error:
        sys.exit(f"not proven: {error}")
    print("proven")
