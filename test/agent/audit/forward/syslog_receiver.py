"""A receiver of syslog over TLS (RFC 5425) that shares no code with the sender.

    syslog_receiver.py CERTIFICATE KEY PORT [--client-ca FILE] [--die-after N] [--leave-after N]
                       [--no-goodbye]

Says `listening PORT`, then each message as it comes, as JSON, one a line. With --die-after it ends at once, without a word to its
peer, after so many messages, whatever it has read beyond them; with --leave-after it says
goodbye first; with --no-goodbye it ends so when it has read everything. Standard library only.
"""
import argparse, json, os, socket, ssl, sys

parser = argparse.ArgumentParser()
parser.add_argument("certificate")
parser.add_argument("key")
parser.add_argument("port", type=int)
parser.add_argument("--client-ca")
parser.add_argument("--die-after", type=int)
parser.add_argument("--leave-after", type=int)
parser.add_argument("--no-goodbye", action="store_true")
options = parser.parse_args()

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(options.certificate, options.key)
if options.client_ca:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(options.client_ca)
listener = socket.create_server(("127.0.0.1", options.port))
print("listening", listener.getsockname()[1], flush=True)
messages = 0
while True:
    plain, _ = listener.accept()
    try:
        with context.wrap_socket(plain, server_side=True) as connection:
            data = b""
            while chunk := connection.recv(65536):
                data += chunk
                while b" " in data:
                    length, rest = data.split(b" ", 1)
                    if len(rest) < int(length):
                        break
                    message, data = rest[: int(length)], rest[int(length) :]
                    print(json.dumps(message.decode("utf-8")), flush=True)
                    messages += 1
                    if messages == options.die_after:
                        os._exit(9)
                    if messages == options.leave_after:
                        try:
                            connection.settimeout(0)
                            connection.unwrap()
                        finally:
                            os._exit(9)
            if options.no_goodbye:
                os._exit(9)
            connection.unwrap()
    except (ssl.SSLError, OSError) as error:
        print("error", error, file=sys.stderr, flush=True)
