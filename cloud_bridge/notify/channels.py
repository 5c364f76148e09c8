"""The channels themselves: Apprise's plugins, made to say what the other side answered.

Apprise calls a message sent when the answer is HTTP 200. WeCom and DingTalk answer 200 also when they refuse a
message (wrong key word, too many a minute) and say so in `errcode`, and SMS gateways do likewise: so the last step of
each plugin is taken here, and the answer is read. Addresses, passwords, TLS, signing and mail building are Apprise's.
Nothing but what the channels file names is ever contacted; no redirect is followed.
"""

import contextlib
import email
import json
import logging
import re
import smtplib
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from apprise import AppriseAsset, NotifyFormat, NotifyType
from apprise.exception import AppriseException
from apprise.plugins.custom_form import NotifyForm
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.email.base import NotifyEmail
from apprise.plugins.email.smtp import AppriseSMTPController
from apprise.plugins.wecombot import NotifyWeComBot

from cloud_bridge.notify.book import SCHEMAS, Answer, Channel, Kind
from cloud_bridge.process import is_loopback
from contracts.errors import ContractError

for _name in ("apprise", "urllib3"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # their lines carry keys; ours say the same without

ASSET = AppriseAsset(
    app_id="hotbox", app_desc="hotbox", app_url="", storage_mode="memory", http_redirects=False, service_timeout=0,
    default_service_retry=0, pgp_autogen=False, pem_autogen=False,
)  # fmt: skip
MOST_ANSWER_BYTES = 65_536
CONNECT_S = 10.0
_SAID = 160
_BLANK = re.compile(r"\{(phone|text|id)\}")
_BUSY_HTTP = frozenset({408, 425, 429})
_BUSY_WECOM = frozenset({-1, 45009, 45011})
_BUSY_DINGTALK = frozenset({-1, 130101, 410100})
_HINT = "correct the channel in DIR/notify/channels.yaml"


class Letter(msgspec.Struct, frozen=True):
    """One message, ready to be sent: `id` is the same however often it is sent."""

    id: str
    title: str
    text: str
    emergency: bool
    causes: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    at_ms: int = 0


class Outcome(msgspec.Struct, frozen=True):
    """What became of an attempt.

    Attributes:
        ok: the other side took it.
        final: it never will; another channel has to.
        unsure: it may have, only its answer did not come.
        detail: what it said, in its own words.
        wait_s: how long it wants to be left alone.
    """

    ok: bool
    detail: str
    final: bool = False
    unsure: bool = False
    wait_s: float = 0


def _said(body: bytes) -> str:
    text = " ".join(body.decode("utf-8", "replace").split())
    return "".join(c for c in text if c.isprintable())[:_SAID]


def _judged_http(status: int, body: bytes, headers: Mapping[str, str]) -> Outcome:
    """By the HTTP status alone."""
    if 200 <= status < 300:
        return Outcome(True, f"HTTP {status}")
    detail = f"HTTP {status} {_said(body)}".strip()
    if status in _BUSY_HTTP or status >= 500:
        after = headers.get("Retry-After", "")
        return Outcome(False, detail, wait_s=min(float(after), 3600) if after.isascii() and after.isdigit() else 0)
    return Outcome(False, detail, final=True)


def _judged_errcode(body: bytes, busy: frozenset[int]) -> Outcome:
    """By the `errcode` of a robot's answer."""
    try:
        answer = json.loads(body)
        code = answer["errcode"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Outcome(False, f"HTTP 200, expected errcode, got {_said(body) or 'nothing'}", unsure=True)
    if code == 0 and not isinstance(code, bool):
        return Outcome(True, "errcode 0")
    return Outcome(
        False, f"errcode {_said(str(code).encode())} {_said(str(answer.get('errmsg', '')).encode())}".strip(),
        final=code not in busy,
    )  # fmt: skip


def _judged_answer(body: bytes, wanted: Answer) -> Outcome:
    """By the field that the gateway says yes in."""
    try:
        came = json.loads(body)
        for step in wanted.field.split("."):
            came = came[step]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Outcome(False, f"HTTP 200, expected {wanted.field}, got {_said(body) or 'nothing'}", unsure=True)
    told = f"{wanted.field} {_said(str(came).encode())}"
    return Outcome(True, told) if str(came) == wanted.equals else Outcome(False, f"{told}: {_said(body)}", final=True)


class _Speaks:
    """What all plugins here have: the letter, to whom, and what became of it. One object for one attempt."""

    letter: Letter
    channel: Channel
    address: str
    outcome: Outcome | None = None

    def _ended(self, outcome: Outcome) -> bool:
        self.outcome = outcome
        return outcome.ok

    def _judge(self, body: bytes) -> Outcome | None:
        """By what stands in an answer of 200; None where the status says it all."""
        del body

    def _post(self, url: str, body: bytes | dict[str, str], headers: dict[str, str], **more: Any) -> bool:
        """One POST; reads a bounded answer within the channel's time."""
        headers = {"Idempotency-Key": self.letter.id, "X-Hotbox-Message": self.letter.id} | headers
        deadline = time.monotonic() + self.channel.timeout_s
        try:
            with requests.post(
                url, data=body, headers=headers, timeout=(CONNECT_S, self.channel.timeout_s), allow_redirects=False,
                stream=True, **more,
            ) as answer:  # fmt: skip
                came = b""
                for piece in answer.iter_content(4096):
                    came += piece
                    if len(came) > MOST_ANSWER_BYTES or time.monotonic() > deadline:
                        return self._ended(Outcome(False, f"HTTP {answer.status_code}, endless answer", unsure=True))
                judged = _judged_http(answer.status_code, came, answer.headers)
                return self._ended((self._judge(came) or judged) if judged.ok else judged)
        except requests.exceptions.SSLError:
            return self._ended(Outcome(False, "the server's certificate was not accepted"))
        except requests.exceptions.ProxyError:
            return self._ended(Outcome(False, "the proxy did not connect"))
        except requests.exceptions.ConnectTimeout:
            return self._ended(Outcome(False, "no connection in time"))
        except requests.exceptions.ReadTimeout:
            return self._ended(Outcome(False, f"no answer within {self.channel.timeout_s:g} s", unsure=True))
        except requests.exceptions.ConnectionError as error:
            if "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error):
                return self._ended(Outcome(False, "no connection"))
            return self._ended(Outcome(False, "the connection broke", unsure=True))
        except requests.RequestException as error:
            return self._ended(Outcome(False, f"HTTP failed: {type(error).__name__}", unsure=True))


class WeCom(_Speaks, NotifyWeComBot):
    """A WeCom (企业微信) group robot; mentions the person by phone number."""

    def _judge(self, body: bytes) -> Outcome:
        return _judged_errcode(body, _BUSY_WECOM)

    def send(self, body: str, title: str = "", **_kwargs: Any) -> bool:
        """Apprise's last step."""
        content = f"{title}\n{body}" if title else body.replace("\r\n", "\n")  # Apprise has put the head line there
        text: dict[str, Any] = {"content": content}
        if self.address:
            text["mentioned_mobile_list"] = [self.address]
        said = json.dumps({"msgtype": "text", "text": text}, ensure_ascii=False).encode()
        return self._post(self.api_url, said, {"Content-Type": "application/json; charset=utf-8"}, verify=True)


class DingTalk(_Speaks, NotifyDingTalk):
    """A DingTalk (钉钉) group robot; mentions the person by phone number."""

    def _judge(self, body: bytes) -> Outcome:
        return _judged_errcode(body, _BUSY_DINGTALK)

    def send(self, body: str, title: str = "", **_kwargs: Any) -> bool:
        """Apprise's last step."""
        content = f"{title}\n{body}" if title else body
        at = [self.address] if self.address else []
        said = {
            "msgtype": "text", "at": {"atMobiles": at, "isAtAll": False},
            "text": {"content": f"{content}\n@{self.address}" if at else content},
        }  # fmt: skip
        params = dict(zip(("timestamp", "sign"), self.get_signature(), strict=True)) if self.secret else None
        if params:
            # Apprise quotes the signature, and requests would once more.
            params["sign"] = self.unquote(params["sign"])
        return self._post(
            self.notify_url.format(token=self.token), json.dumps(said, ensure_ascii=False).encode(),
            {"Content-Type": "application/json; charset=utf-8"}, params=params, verify=True,
        )  # fmt: skip


def _address(plugin: NotifyJSON | NotifyForm) -> str:
    port = f":{plugin.port}" if isinstance(plugin.port, int) else ""
    return f"{'https' if plugin.secure else 'http'}://{plugin.host}{port}{plugin.fullpath}"


def _login(plugin: NotifyJSON | NotifyForm) -> dict[str, Any]:
    return {"params": plugin.params, "auth": (plugin.user, plugin.password) if plugin.user else None, "verify": True}


class Webhook(_Speaks, NotifyJSON):
    """JSON to a receiver of the site's own: Apprise's payload, and what the message is about."""

    def send(self, body: str, title: str = "", notify_type: NotifyType = NotifyType.INFO, **_kwargs: Any) -> bool:
        """Apprise's last step."""
        said = {
            "version": self.json_version, "type": notify_type.value, "title": title, "message": body,
            "id": self.letter.id, "urgency": "emergency" if self.letter.emergency else "ordinary",
            "causes": self.letter.causes, "subjects": self.letter.subjects, "at_ms": self.letter.at_ms,
        } | self.payload_extras  # fmt: skip
        headers = {"Content-Type": "application/json"} | self.headers
        return self._post(_address(self), json.dumps(said, ensure_ascii=False).encode(), headers, **_login(self))


class _Gateway(_Speaks):
    """An SMS gateway: the fields that the file names, filled in."""

    def _judge(self, body: bytes) -> Outcome | None:
        return _judged_answer(body, self.channel.answer) if self.channel.answer else None

    def filled(self, title: str, body: str) -> dict[str, str]:
        """`{phone}`, `{text}` and `{id}` in the fields, and nothing else: a text may hold braces."""
        known = {"phone": self.address, "text": f"{title} {body}".strip(), "id": self.letter.id}
        return {
            name: _BLANK.sub(lambda found: known[found[1]], value) for name, value in self.channel.fields.items()
        }


class SmsForm(_Gateway, NotifyForm):
    """An SMS gateway that takes a form."""

    def send(self, body: str, title: str = "", **_kwargs: Any) -> bool:
        """Apprise's last step."""
        return self._post(_address(self), self.filled(title, body), dict(self.headers), **_login(self))


class SmsJson(_Gateway, NotifyJSON):
    """An SMS gateway that takes JSON."""

    def send(self, body: str, title: str = "", **_kwargs: Any) -> bool:
        """Apprise's last step."""
        said = json.dumps(self.filled(title, body), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"} | self.headers
        return self._post(_address(self), said, headers, **_login(self))


class _Controller(AppriseSMTPController):
    """Apprise's connection, without swallowing what the server said."""

    def deliver(self, sender: str, recipients: list[str], message: str) -> None:
        """Send one mail.

        Raises:
            SMTPException, OSError: the server refused it, or did not answer.
        """
        self._socket.sendmail(sender, recipients, message)


class Mail(_Speaks, NotifyEmail):
    """A mail. Its Message-ID is the letter's, so that a mailbox that has it already can drop the double."""

    def send(self, body: str, title: str = "", **_kwargs: Any) -> bool:
        """Apprise's last step."""
        mails = list(
            NotifyEmail.prepare_emails(
                subject=title, body=body, notify_format=NotifyFormat.TEXT, from_addr=self.from_addr, to=self.targets,
                cc=set(), bcc=set(), reply_to=self.reply_to, smtp_host=self.smtp_host, attach=None,
                headers={"X-Application": self.app_id, "Auto-Submitted": "auto-generated",
                         "X-Hotbox-Message": self.letter.id} | self.headers,
                names=self.names, pgp=self.pgp, pgp_mode=self.pgp_mode, inline=False, tzinfo=self.tzinfo,
            )
        )  # fmt: skip
        connected = False
        try:
            with _Controller(
                host=self.smtp_host, port=self.port, secure_mode=self.secure_mode, user=self.user,
                password=self.password, verify_certificate=True, socket_connect_timeout=self.channel.timeout_s,
            ) as smtp:  # fmt: skip
                connected = True
                for mail in mails:
                    smtp.deliver(self.from_addr[1], mail.to_addrs, self._numbered(mail.body))
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            return self._ended(_judged_smtp(code, said))
        except smtplib.SMTPAuthenticationError as error:
            return self._ended(Outcome(False, f"SMTP {error.smtp_code}: sign-in refused"))
        except smtplib.SMTPResponseException as error:
            return self._ended(_judged_smtp(error.smtp_code, error.smtp_error))
        except ssl.SSLError:
            return self._ended(Outcome(False, "the server's certificate was not accepted"))
        except (OSError, smtplib.SMTPException, RuntimeError, AppriseException) as error:
            # smtplib tells of a server that does not answer as of one that hung up.
            if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
                return self._ended(Outcome(False, f"no answer within {self.channel.timeout_s:g} s", unsure=connected))
            if not connected:
                return self._ended(Outcome(False, f"no connection: {type(error).__name__}"))
            return self._ended(Outcome(False, "the connection broke", unsure=True))
        return self._ended(Outcome(True, "SMTP 250"))

    def _numbered(self, mail: str) -> str:
        made = email.message_from_string(mail)
        made.replace_header("Message-ID", f"<{self.letter.id}@{self.from_addr[1].rpartition('@')[2] or 'hotbox'}>")
        return made.as_string()


def _judged_smtp(code: int, said: bytes | str) -> Outcome:
    text = _said(said if isinstance(said, bytes) else said.encode())
    return Outcome(False, f"SMTP {code} {text}", final=500 <= code < 600)


def _class(channel: Channel) -> type:
    if channel.kind is Kind.SMS:
        return SmsForm if urlsplit(channel.url).scheme.startswith("form") else SmsJson
    return {Kind.MAIL: Mail, Kind.WECOM: WeCom, Kind.DINGTALK: DingTalk, Kind.WEBHOOK: Webhook}[channel.kind]


def _plugin(name: str, channel: Channel, address: str) -> Any:
    """Apprise's object for one attempt.

    Raises:
        ContractError: Apprise does not understand the URL.
    """
    cls = _class(channel)
    settings = None
    with contextlib.suppress(AppriseException, TypeError, ValueError):
        settings = cls.parse_url(channel.url)
    if settings:
        settings |= {"asset": ASSET, "verify": True, "redirect": False, "format": "text"}
        if channel.kind is Kind.MAIL:
            settings["targets"] = [address]
        with contextlib.suppress(AppriseException, TypeError, ValueError):
            made = cls(**settings)
            made.channel, made.address = channel, address
            return made
    schemas = " or ".join(f"{schema}://…" for schema in sorted(SCHEMAS[channel.kind]))
    raise ContractError(f"channels.{name}.url", f"an Apprise URL {schemas}", "one that Apprise refuses", _HINT)


def check(name: str, channel: Channel) -> None:
    """Whether a channel can work at all, without contacting it.

    Raises:
        ContractError: says what is wrong, without the secret.
    """
    at = f"channels.{name}"
    if urlsplit(channel.url).scheme not in SCHEMAS[channel.kind]:
        schemas = " or ".join(f"{schema}://…" for schema in sorted(SCHEMAS[channel.kind]))
        raise ContractError(f"{at}.url", f"{schemas} for kind {channel.kind}", "another scheme", _HINT)
    if not 0.1 <= channel.timeout_s <= 120:
        raise ContractError(f"{at}.timeout_s", "0.1 to 120 seconds", f"{channel.timeout_s:g}", _HINT)
    if channel.kind is Kind.SMS:
        given = "".join(channel.fields.values())
        if "{phone}" not in given or "{text}" not in given:
            raise ContractError(f"{at}.fields", "a field with {phone} and one with {text}", "none", _HINT)
        if channel.answer is None:
            raise ContractError(
                f"{at}.answer", "field and equals: how the gateway says yes", "none",
                "an SMS gateway answers HTTP 200 also to what it refuses; look into its manual",
            )  # fmt: skip
    elif channel.fields or channel.answer:
        raise ContractError(f"{at}.fields", f"none for kind {channel.kind}", "some", _HINT)
    if channel.kind is Kind.MAIL and channel.hears != "addressed":
        raise ContractError(f"{at}.hears", "addressed: a mail goes to a person", channel.hears, _HINT)
    if channel.kind is Kind.SMS and channel.hears != "addressed":
        raise ContractError(f"{at}.hears", "addressed: an SMS goes to a person", channel.hears, _HINT)
    plugin = _plugin(name, channel, "nobody@example.com" if channel.kind is Kind.MAIL else "10000000000")
    if channel.kind is Kind.MAIL:
        host, clear = plugin.smtp_host, plugin.secure_mode == "insecure"
        if not plugin.from_addr[1]:
            raise ContractError(f"{at}.url", "a sender: …?from=hotbox@example.com", "none", _HINT)
    else:
        host, clear = getattr(plugin, "host", ""), channel.kind in (Kind.SMS, Kind.WEBHOOK) and not plugin.secure
    if clear and not channel.plain and not is_loopback(str(host)):
        raise ContractError(
            f"{at}.url", "TLS to another machine (mailtos://, jsons://, forms://)", "none",
            "or say plain: true, and everybody on the way can read the messages and the password",
        )  # fmt: skip


def send(name: str, channel: Channel, address: str, letter: Letter) -> Outcome:
    """Try once. Never raises for what the other side or the network does; says no secret."""
    plugin = _plugin(name, channel, address)
    plugin.letter = letter
    plugin.notify(
        body=letter.text, title=letter.title, body_format=NotifyFormat.TEXT,
        notify_type=NotifyType.FAILURE if letter.emergency else NotifyType.INFO,
    )  # fmt: skip
    outcome = plugin.outcome or Outcome(False, "not sent: it could not be written", final=True)
    return msgspec.structs.replace(outcome, detail=channel.scrubbed(outcome.detail))
