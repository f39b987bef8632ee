#!/usr/bin/env python3
"""Sign requests for a holdfast agent; written from docs/CREDENTIAL_FORMAT.md alone. README.md shows the calls."""
import argparse
import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import secrets
import socket
import sys
import time

COMPONENTS = '("@method" "@authority" "@path" "@query" "content-digest")'
USAGE, UNREACHABLE = 2, 5  # exit statuses


def fail(status, message):
    """End the program with one line on stderr."""
    print(f"sign.py: {message}", file=sys.stderr)
    sys.exit(status)


def require(text, pattern, complaint):
    """Fail unless all of text matches: nothing that is signed may bring a line feed or a quote of its own."""
    if not isinstance(text, str) or not re.fullmatch(pattern, text):
        fail(USAGE, complaint)


def base64url(data):
    """Encode without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def read_credential(file_name):
    """Return the keyid and the 32 secret bytes of a credential file."""
    try:
        with open(file_name, encoding="utf-8") as file:
            credential = json.load(file)
        keyid, secret = credential["keyid"], credential["secret"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        fail(USAGE, f"credential file {file_name}: {type(error).__name__}: {error}")
    require(keyid, r"hf1:[ !#-\[\]-~]+", f"credential file {file_name}: keyid must be hf1:… in printable ASCII")
    require(secret, r"[A-Za-z0-9_-]{43}", f"credential file {file_name}: secret must be 32 bytes in base64url")
    return keyid, base64.urlsafe_b64decode(secret + "=")


def signed_fields(args, authority, created, nonce):
    """Return the three header fields for the request in args (steps 1 to 6)."""
    keyid, secret = read_credential(args.credential)
    require(args.method, r"[A-Z]+", "METHOD must be capital letters, such as POST")
    require(args.path, r'/[!"$-~]*', "PATH must start with / and be printable ASCII without spaces and #")
    path, _, query = args.path.partition("?")
    digest = "sha-256=:" + base64.b64encode(hashlib.sha256(os.fsencode(args.body)).digest()).decode() + ":"
    parameters = (f'{COMPONENTS};created={created};nonce="{base64url(nonce)}";keyid="{keyid}"'
                  ';alg="hmac-sha256";tag="holdfast-v1"')
    base = (f'"@method": {args.method}\n"@authority": {authority}\n"@path": {path}\n"@query": ?{query}\n'
            f'"content-digest": {digest}\n"@signature-params": {parameters}')
    signature = base64.b64encode(hmac.digest(secret, base.encode("ascii"), "sha256")).decode()
    return {"Content-Digest": digest, "Signature-Input": f"hf={parameters}", "Signature": f"hf=:{signature}:"}


def agent_address(agent):
    """Return host, port and authority of --agent; for a unix socket its path, None and localhost."""
    if agent.startswith("unix:/"):
        return agent.removeprefix("unix:"), None, "localhost"
    match = re.fullmatch(r"http://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?/?", agent)
    if not match or int(match[2] or 80) > 65535:
        fail(USAGE, "--agent must be http://HOST:PORT or unix:/path/to.sock")
    host, port = match[1].lower(), int(match[2] or 80)
    return host.strip("[]"), port, host if port == 80 else f"{host}:{port}"


def send(args):
    """sign a request for now, send it, print status and body of the answer"""
    host, port, authority = agent_address(args.agent)
    fields = signed_fields(args, authority, int(time.time()), secrets.token_bytes(16)) | {"Host": authority}
    if args.body:
        fields["Content-Type"] = "application/json"
    connection, outcome = http.client.HTTPConnection("localhost"), "cannot connect"
    try:
        connection.sock = socket.socket(socket.AF_UNIX) if port is None else socket.create_connection((host, port))
        if port is None:
            connection.sock.connect(host)
        outcome = "no answer, and the request may have had its effect"
        connection.request(args.method, args.path, os.fsencode(args.body) or None, fields)
        answer = connection.getresponse()
        outcome = f"status {answer.status} without a JSON body, perhaps no agent"
        return {"status": answer.status, "body": json.loads(answer.read())}
    except (OSError, OverflowError, ValueError, http.client.HTTPException) as error:
        fail(UNREACHABLE, f"{args.agent}: {outcome}: {error}")


def headers(args):
    """print the header fields for a given time and nonce, to compare with worked bytes"""
    require(args.created, "[0-9]{1,15}", "--created must be whole seconds since 1970")
    require(args.nonce, "([0-9A-Fa-f]{2}){16,64}", "--nonce must be 16 to 64 bytes in hexadecimal")
    return signed_fields(args, args.authority.lower().removesuffix(":80"), int(args.created), bytes.fromhex(args.nonce))


def narrow(args):
    """print the credential with one more caveat"""
    keyid, secret = read_credential(args.credential)
    require(args.caveat, r"[a-z]+=[ !#-:<-\[\]-~]+", "CAVEAT must be one name=value in printable ASCII without ;")
    narrowed = hmac.digest(secret, args.caveat.encode("ascii"), "sha256")
    return {"keyid": f"{keyid};{args.caveat}", "secret": base64url(narrowed)}


def main():
    """Read the command line, run the command, print its result as one line of JSON."""
    socket.setdefaulttimeout(60)  # seconds; a command is answered only when the plant's feedback is in
    parser = argparse.ArgumentParser(prog="sign.py", description=__doc__)
    parser.error = lambda message: fail(USAGE, f"{message} (try --help)")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command, options in (send, ["agent"]), (headers, ["authority", "created", "nonce"]), (narrow, []):
        subparser = commands.add_parser(command.__name__, help=command.__doc__)
        subparser.set_defaults(run=command)
        subparser.error = parser.error
        for option in ["credential", *options]:
            subparser.add_argument(f"--{option}", required=True)
        for name in ["CAVEAT"] if command is narrow else ["METHOD", "PATH", "BODY"]:
            subparser.add_argument(name.lower(), metavar=name, nargs="?" if name == "BODY" else None, default="")
    args = parser.parse_args()
    print(json.dumps(args.run(args)))


if __name__ == "__main__":
    main()
