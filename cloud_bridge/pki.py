"""A small certificate authority for the bridge's MQTT broker, and the broker's files that follow from it.

    DIR/mqtt/ca.key, ca.pem         the authority; the key never leaves this machine
    DIR/mqtt/issued.json            every certificate: whose, what it may, taken back or not
    DIR/mqtt/NAME.pem, NAME.key     the bridge's own two clients

Keys are P-256: every TLS library has it. A box's certificate names the box; mosquitto takes the name for the user.
"""

import datetime as dt
import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud_bridge.datadir import write_atomically
from contracts.errors import ContractError
from contracts.topics import ROOT

INGEST, WORKER = "hotbox-bridge-ingest", "hotbox-bridge-worker"
RESERVED = "hotbox-bridge-"
TEMPLATE = Path(__file__).parents[1] / "configs" / "broker" / "mosquitto.conf"
INSTALLED = "/etc/mosquitto/hotbox"
PORT = 8883

_CA_DAYS, _DAYS = 20 * 365, 5 * 365
# An expired revocation list would shut everybody out; a fresh one is written whenever something is taken back.
_CRL_DAYS = _CA_DAYS
_EARLIER = dt.timedelta(days=1)  # boxes' clocks may be behind

Kind = Literal["server", "bridge", "box", "detector"]


class Issued(msgspec.Struct):
    """One certificate. `topics` are a detector's own, or those of detectors that a box hears."""

    serial: int
    name: str
    kind: Kind
    until: str
    topics: list[str] = []
    revoked: str = ""


class Book(msgspec.Struct):
    """All certificates, and where the broker's files were written last."""

    out: str = ""
    at: str = ""
    port: int = PORT
    issued: list[Issued] = []

    def valid(self, kind: Kind) -> list[Issued]:
        """Certificates of one kind that were not taken back."""
        return [one for one in self.issued if one.kind == kind and not one.revoked]


@dataclass
class Authority:
    """The authority in one folder."""

    folder: Path
    book: Book = field(default_factory=Book)

    @staticmethod
    def open(folder: Path) -> "Authority":
        """The authority that `make` made.

        Raises:
            ContractError: there is none.
        """
        if not (folder / "ca.pem").exists():
            raise ContractError(
                "mqtt", "a certificate authority", "none", "run: hotbox-bridge mqtt setup --host NAME --out DIR"
            )
        return Authority(folder, msgspec.json.decode((folder / "issued.json").read_bytes(), type=Book))

    @staticmethod
    def make(folder: Path, name: str) -> "Authority":
        """The authority in `folder`, made when there is none."""
        if (folder / "ca.pem").exists():
            return Authority.open(folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key, now = ec.generate_private_key(ec.SECP256R1()), _now()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"hotbox MQTT {name}")])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - _EARLIER)
            .not_valid_after(now + dt.timedelta(days=_CA_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        made = Authority(folder)
        made.save()
        write_atomically(folder / "ca.key", _pem_key(key), mode=0o600)
        write_atomically(folder / "ca.pem", _pem(certificate))
        return made

    def save(self) -> None:
        """Keep the book."""
        write_atomically(self.folder / "issued.json", msgspec.json.format(msgspec.json.encode(self.book)).decode())

    def issue(self, name: str, kind: Kind, *, hosts: tuple[str, ...] = (), topics: tuple[str, ...] = (),
              days: int = _DAYS) -> tuple[str, str]:  # fmt: skip
        """A new certificate and its key, both PEM; the key is kept nowhere here.

        Args:
            name: common name: the user at the broker.
            kind: what it is for.
            hosts: names and addresses of a server.
            topics: what a detector writes, or of which detectors a box hears.
            days: how long it holds.
        """
        for topic in topics:
            if topic.startswith(f"{ROOT}/") or not topic or any(c in topic for c in "+#\n\r\0"):
                raise ContractError("topic", f"one topic outside {ROOT}/, without + and #", repr(topic[:80]))
        key, now = ec.generate_private_key(ec.SECP256R1()), _now()
        use = ExtendedKeyUsageOID.SERVER_AUTH if kind == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
        until = now + dt.timedelta(days=days)
        ca = self._certificate()
        builder = (
            x509.CertificateBuilder(
                ca.subject, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key.public_key(),
                x509.random_serial_number(),
            )
            .not_valid_before(min(now, until) - _EARLIER)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key().public_key()), critical=False
            )
        )  # fmt: skip
        if hosts:
            names = x509.SubjectAlternativeName([_host(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(self._key(), hashes.SHA256())
        row = Issued(certificate.serial_number, name, kind, until.date().isoformat(), list(topics))
        self.book.issued.append(row)
        self.save()
        return _pem(certificate), _pem_key(key)

    def revoke(self, name: str) -> int:
        """Take back every certificate with this name; how many there were."""
        found = [one for one in self.book.issued if one.name == name and not one.revoked]
        for one in found:
            one.revoked = _now().isoformat(timespec="seconds")
        self.save()
        return len(found)

    def crl(self) -> str:
        """The revocation list, PEM."""
        now = _now()
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate().subject)
            .last_update(now - _EARLIER)
            .next_update(now + dt.timedelta(days=_CRL_DAYS))
        )
        for one in self.book.issued:
            if one.revoked:
                when = dt.datetime.fromisoformat(one.revoked)
                row = x509.RevokedCertificateBuilder().serial_number(one.serial).revocation_date(when).build()
                builder = builder.add_revoked_certificate(row)
        made = builder.sign(self._key(), hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM).decode()

    def acl(self) -> str:
        """Mosquitto's access list: who may write and read what; what is not listed is denied."""
        told = [
            "# Written by `hotbox-bridge mqtt`; reload mosquitto after a change.",
            _user(INGEST, [f"read {ROOT}/+/up/#", f"write {ROOT}/+/dn/ack", f"write {ROOT}/+/dn/media"]),
            _user(WORKER, [f"write {ROOT}/+/dn/{leaf}" for leaf in ("permit", "revoke", "cmd", "faces")]),
        ]
        for kind in ("box", "detector"):
            rights: dict[str, list[str]] = {}
            for one in self.book.valid(kind):
                own = [f"write {ROOT}/{one.name}/up/#", f"read {ROOT}/{one.name}/dn/#"] if kind == "box" else []
                own += [f"{'read' if kind == 'box' else 'write'} {topic}" for topic in one.topics]
                known = rights.setdefault(one.name, [])
                known += [right for right in own if right not in known]
            told += [_user(name, rights[name]) for name in sorted(rights)]
        return "\n\n".join(told) + "\n"

    def write_broker(self) -> list[Path]:
        """The broker's revocation list and access list, where `setup` put its files; gives what was written."""
        out = Path(self.book.out)
        write_atomically(out / "crl.pem", self.crl())
        write_atomically(out / "acl", self.acl())
        return [out / "crl.pem", out / "acl"]

    def write_configuration(self) -> Path:
        """mosquitto.conf beside them."""
        text = TEMPLATE.read_text(encoding="utf-8")
        text = text.replace(INSTALLED, self.book.at).replace(f"listener {PORT}", f"listener {self.book.port}")
        path = Path(self.book.out) / "mosquitto.conf"
        write_atomically(path, text)
        return path

    def _certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.folder / "ca.pem").read_bytes())

    def _key(self) -> ec.EllipticCurvePrivateKey:
        key = serialization.load_pem_private_key((self.folder / "ca.key").read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ContractError("mqtt/ca.key", "the authority's P-256 key", type(key).__name__, "restore the file")
        return key


def _user(name: str, rights: list[str]) -> str:
    return "\n".join([f"user {name}", *(f"topic {right}" for right in rights)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _pem_key(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
