"""Real servers on 127.0.0.1: mail, HTTP, and the TLS of a robot's own host name behind a real proxy."""

import asyncio
import contextlib
import datetime
import email
import email.policy
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult


class Arrived:
    """Things in the order of their arrival; waiting for a number of them has a deadline."""

    def __init__(self) -> None:
        self._things: list = []
        self._news = threading.Condition()

    def add(self, thing) -> None:
        with self._news:
            self._things.append(thing)
            self._news.notify_all()

    def wait(self, count: int, deadline_s: float = 20) -> list:
        with self._news:
            assert self._news.wait_for(lambda: len(self._things) >= count, deadline_s), self._things
            return list(self._things)

    @property
    def all(self) -> list:
        with self._news:
            return list(self._things)


@dataclass
class Mailbox:
    """A real SMTP server: what it took, and how it answers. `answer` may also hang until the server ends."""

    port: int = 0
    mails: Arrived = field(default_factory=Arrived)
    recipients: Arrived = field(default_factory=Arrived)
    answer: Callable[[str], str] | None = None
    data_answer: str = "250 2.0.0 kept"
    hang_after_data: threading.Event | None = None
    users: dict[bytes, bytes] = field(default_factory=dict)

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd calls it so
        self.recipients.add(address)
        said = self.answer(address) if self.answer else ""
        if said:
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.data_answer.startswith("2"):
            self.mails.add(email.message_from_bytes(envelope.content, policy=email.policy.default))
        if self.hang_after_data is not None:
            await asyncio.get_running_loop().run_in_executor(None, self.hang_after_data.wait, 30)
        return self.data_answer


@contextlib.contextmanager
def mailbox(tls: ssl.SSLContext | None = None, users: dict[bytes, bytes] | None = None) -> Iterator[Mailbox]:
    """A mail server in a thread of its own; with `tls` it wants STARTTLS, with `users` a sign-in."""
    box = Mailbox(users=users or {})
    loop = asyncio.new_event_loop()

    def known(server, session, envelope, mechanism, data):
        return AuthResult(success=box.users.get(data.login) == data.password, handled=False)

    def protocol() -> SMTP:
        more = {"auth_required": True, "auth_require_tls": tls is not None, "authenticator": known} if users else {}
        return SMTP(box, hostname="localhost", enable_SMTPUTF8=True, loop=loop, tls_context=tls,
                    require_starttls=tls is not None, **more)  # fmt: skip

    ready = threading.Event()

    def work() -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0))
        box.port = server.sockets[0].getsockname()[1]
        loop.call_soon(ready.set)  # not before: a stop that came earlier would be used up, and the server stay
        loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(10)
    try:
        yield box
    finally:
        if box.hang_after_data is not None:
            box.hang_after_data.set()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


@dataclass
class Request:
    """What a receiver got."""

    host: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["x-hotbox-message"]


@dataclass
class Receiver:
    """A real HTTP receiver. `answer` gives status, body and headers; `hold` keeps every answer back until it is set."""

    port: int = 0
    got: Arrived = field(default_factory=Arrived)
    answer: Callable[[Request], tuple[int, bytes, dict[str, str]]] = lambda _request: (200, b"{}", {})
    hold: threading.Event | None = None


@contextlib.contextmanager
def receiver(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """An HTTP server in threads of its own; with `tls` an HTTPS one."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(headers.get("host", ""), self.path, headers, body)
            found.got.add(request)
            if found.hold is not None:
                found.hold.wait(30)
            status, text, more = found.answer(request)
            with contextlib.suppress(OSError):
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(text))} | more).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_args: None
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield found
    finally:
        if found.hold is not None:
            found.hold.set()
        server.shutdown()
        thread.join(10)
        server.server_close()


@dataclass
class Proxy:
    """A real HTTP proxy (CONNECT) that brings the robots' host names to a receiver here, and nobody else anywhere."""

    port: int
    asked: Arrived


@contextlib.contextmanager
def proxy(hosts: dict[str, int]) -> Iterator[Proxy]:
    """`hosts`: NAME:PORT → a port on this machine. Whatever else is asked for is refused, and written down."""
    asked = Arrived()
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(a: socket.socket, b: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := a.recv(65536):
                b.sendall(piece)
        for end in (a, b):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(caller: socket.socket) -> None:
        with caller:
            head = b""
            with contextlib.suppress(OSError):
                while b"\r\n\r\n" not in head:
                    piece = caller.recv(4096)
                    if not piece:
                        return
                    head += piece
                method, target, _version = head.split(b"\r\n")[0].decode().split(" ")
                asked.add(f"{method} {target}")
                if method != "CONNECT" or target not in hosts:
                    caller.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                    return
                with socket.create_connection(("127.0.0.1", hosts[target])) as far:
                    caller.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    back = threading.Thread(target=pump, args=(far, caller), daemon=True)
                    back.start()
                    pump(caller, far)
                    back.join(5)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _address = listener.accept()
                threading.Thread(target=serve, args=(caller,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield Proxy(listener.getsockname()[1], asked)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def authority(folder: Path, *names: str) -> tuple[Path, ssl.SSLContext]:
    """A certificate authority of our own: its file, and a server's TLS for these host names."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    now = datetime.datetime.now(datetime.UTC)

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def base(subject: str, key, issuer: str):
        return (
            x509.CertificateBuilder().subject_name(named(subject)).issuer_name(named(issuer))
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
        )  # fmt: skip

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    ca = (
        base("test authority", ca_key, "test authority")
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    leaf = (
        base(names[0], key, "test authority")
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    ca_file, chain = folder / "authority.pem", folder / "server.pem"
    ca_file.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    chain.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ) + leaf.public_bytes(serialization.Encoding.PEM)
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return ca_file, context
