"""People: whose face, badge and card was seen, who came in, who was missed; and the devices that see them."""

from typing import Annotated, Literal

from msgspec import UNSET

from contracts.event import ActionResult, Category, Severity
from contracts.events.fields import Clause, Code, Data, DayOfPermit, Maybe, Reasoned, Reasons, Record, doc
from contracts.events.kind import EventType

Distance = Annotated[int, doc("distance of the face from the nearest known one, in thousandths; 0 is the same")]
Condition = Annotated[str, doc("the condition of the run that is concerned")]
Device = Annotated[str, doc("the device: radio, GNSS receiver, tag reader")]


class Verified(Data, frozen=True):
    """The face of a person of the permit was recognised. Once, until it becomes too old."""

    chan: Annotated[str, doc("the person, by id")]
    engine: Annotated[str, doc("the program that recognised it")]
    distance_milli: Distance
    liveness: Annotated[str, doc("how the person is known to be alive: `proven`, `vouched` for, or `not_proven`")]
    live_milli: Maybe[
        Annotated[int, doc("score of a passive detector of forgeries, in thousandths; it decides nothing")]
    ] = UNSET
    template: Maybe[Annotated[str, doc("digest of the template that it matched, see `template.used`")]] = UNSET


class Unknown(Data, frozen=True):
    """A face before the camera is nobody's of the permit. Again after a while, as long as it stays.

    `stranger` is far from everybody who is named; `face_far` resembles somebody, and is not near enough, or hardly
    nearer than to somebody else.
    """

    code: Code
    chan: Annotated[str, doc("empty: nobody is known")]
    nearest: Annotated[str, doc("whose face it resembles most, by id; empty: nobody's")]
    distance_milli: Distance
    limit_milli: Annotated[int, doc("the distance that it is not within")]


class Voided(Data, frozen=True):
    """The badge of somebody who was verified was away: from now on only a new look at the face counts."""

    chan: Annotated[str, doc("the person, by id")]


class LivenessFailed(Data, frozen=True):
    """Somebody did not follow the prompts that prove a living face. After the last try a supervisor decides."""

    chan: Annotated[str, doc("the person, by id")]
    why: Annotated[
        str,
        doc(
            "`late`, `wrong` movement, `flat`: it turned as a picture does, `somebody_else` moved, `lost` face;"
            " `broken_off`: something else ended it;"
            " `unanswered`: nothing moved, which costs no try"
        ),
    ]
    number: Annotated[int, doc("at which of the movements")]
    movements: Annotated[int, doc("how many were to be asked for")]
    failed: Annotated[int, doc("tries that failed by now")]
    tries: Annotated[int, doc("tries that the rules allow")]


class VouchAsked(Data, frozen=True):
    """A supervisor's decision was typed in. It counts only if the supervisor confirms it by hand in time."""

    chan: Annotated[str, doc("the person, by id")]
    by: Annotated[str, doc("in whose name, the supervisor by id")]
    decision: Annotated[Literal["vouched", "again"], doc("to vouch for the person, or to let the person try again")]
    why: Annotated[str, doc("the reason that was typed")]
    seconds: Annotated[int, doc("how long it waits for the supervisor's hand")]


class Vouched(Data, frozen=True, kw_only=True):
    """A supervisor decided on somebody who could not prove to be alive, by hand. The actor is the supervisor."""

    chan: Annotated[str, doc("the person, by id")]
    decision: Annotated[
        Literal["vouched", "again"], doc("vouched for, for one arming; or the person may try again")
    ]
    why: Annotated[str, doc("the supervisor's reason")]
    uid: Maybe[Annotated[int, doc("the system user who typed it; absent: before that was kept")]] = UNSET
    confirmed: Maybe[
        Annotated[
            Literal["card", "key"],
            doc("by what the supervisor confirmed it: own card at the reader, or the reset key, badge here"),
        ]
    ] = UNSET
    clause: Clause
    snapshot: Record


class CheckedIn(Data, frozen=True):
    """Performer and guardian were verified at the place, for this day of the permit."""

    day: DayOfPermit
    snapshot: Record


class Intruder(Reasoned, frozen=True, kw_only=True):
    """Somebody who has no business here while ignition is armed or released: a door, a badge, a face."""

    released: Annotated[bool, doc("the relay was released; else armed")]


class Missed(Data, frozen=True):
    """While released: somebody is not seen any more. It trips after a grace unless they come back."""

    condition: Condition
    seconds: Annotated[int, doc("the grace")]
    reasons: Reasons
    more: Maybe[Annotated[int, doc("how many more there were; absent: none")]] = UNSET


class Back(Data, frozen=True):
    """Whoever was missed was seen again within the grace."""

    condition: Condition


class DeviceFailed(Data, frozen=True):
    """A device that people or the place are proven by does not work."""

    code: Code
    chan: Device


class DeviceWell(Data, frozen=True):
    """It works again."""

    chan: Device


class BatteryLow(Data, frozen=True):
    """A badge's battery is low. Once, until it was changed."""

    code: Code
    chan: Annotated[str, doc("the badge's number")]
    percent: Annotated[int, doc("what is left")]
    limit_percent: Annotated[int, doc("the limit that it is below")]
    clause: Clause


class TagRead(Data, frozen=True):
    """A card or a point's tag was held to the reader."""

    what: Annotated[Literal["person", "point", "unknown"], doc("what the tag is")]
    name: Annotated[str, doc("the person's id, the point's name, or the tag's own number")]
    person: Annotated[str, doc("who was there with it, by id; empty: nobody known")]


TemplateOf = Annotated[str, doc("whose template, the person by id")]
Signed = Annotated[int, doc("when the bridge signed the statement that brought or ended it, seconds since 1970")]


class TemplateKept(Data, frozen=True):
    """A person's face template came from the bridge for the permit, was verified, and is kept sealed until it ends."""

    chan: TemplateOf
    engine: Annotated[str, doc("the program that made its vectors")]
    iat: Signed


class TemplateRemoved(Data, frozen=True):
    """A person's face template that came for the permit was deleted."""

    chan: TemplateOf
    why: Annotated[
        Literal["permit_over", "expired", "withdrawn", "unusable"],
        doc("the permit stands no longer, its time is over, the person withdrew, or it could not be used any more"),
    ]
    iat: Signed


class TemplateRefused(Data, frozen=True):
    """A statement about a face template was not believed, or could not be kept. Once each code in five seconds."""

    code: Code
    chan: Annotated[str, doc("whose template, by id; empty: nobody could tell")]
    iat: Maybe[Signed] = UNSET
    n: Maybe[Annotated[int, doc("how many more came before and were left out; absent: none")]] = UNSET


class TemplateUsed(Data, frozen=True):
    """With which template a person's face is compared from now on: never before this record is on the disk.

    Told whenever it is another one, however it came to be there, and once after each start. What was seen of the person
    before is void. The event's permit is the one that the template came for; without one it was enrolled at the box.
    """

    chan: TemplateOf
    digest: Annotated[str, doc("SHA-256 of the sealed file, which tells nothing of a face; empty: there is none")]
    engine: Annotated[str, doc("the program that made its vectors; empty: there is none")]


class TemplateChanged(Data, frozen=True):
    """A command at the box is about to change a template; written before it does. The face is void until seen anew."""

    chan: TemplateOf
    change: Annotated[
        Literal["enrolled", "removed", "sealed"],
        doc("enrolled or enrolled anew, removed, or an older version's plain file sealed"),
    ]
    digest: Annotated[str, doc("SHA-256 of the sealed file that there will be, or of the one removed; empty: several")]
    uid: Annotated[int, doc("the system user who did it")]


class TemplateKey(Data, frozen=True):
    """The key that face templates are sealed to for this box: whenever the box starts, and when it has another one."""

    key: Annotated[str, doc("the public half, X25519, base64url without padding")]


_INFO, _WARNING, _ALARM = (Severity.INFO,), (Severity.WARNING,), (Severity.ALARM,)

TYPES = (
    EventType("identity.verified", Category.IDENTITY, _INFO, (Verified,), "人脸已核验", "face verified"),
    EventType(
        "identity.refused", Category.IDENTITY, _WARNING, (Unknown,), "人脸被拒", "face refused", (ActionResult.DENIED,)
    ),
    EventType("identity.voided", Category.IDENTITY, _INFO, (Voided,), "人脸核验失效", "face verification void"),
    EventType(
        "identity.liveness_failed", Category.IDENTITY, _WARNING, (LivenessFailed,), "活体检测未通过",
        "liveness not proven", (ActionResult.DENIED,),
    ),
    EventType(
        "identity.vouch_asked", Category.IDENTITY, _WARNING, (VouchAsked,), "主管决定待本人确认",
        "supervisor's decision waits for the supervisor's hand",
    ),
    EventType(
        "identity.vouched", Category.IDENTITY, _WARNING, (Vouched,), "主管对活体检测作出决定",
        "supervisor decided on liveness",
    ),
    EventType("identity.checked_in", Category.IDENTITY, _INFO, (CheckedIn,), "人员已签到", "crew checked in"),
    EventType(
        "entry.unauthorised", Category.IDENTITY, _ALARM, (Intruder,), "未经许可进入动火区", "unauthorised entry"
    ),
    EventType("presence.warning", Category.IDENTITY, _WARNING, (Missed,), "离岗警告", "absence warning"),
    EventType("presence.back", Category.IDENTITY, _INFO, (Back,), "人员返岗", "back on post"),
    EventType("device.failed", Category.IDENTITY, _WARNING, (DeviceFailed,), "人员与定位设备故障", "device failed"),
    EventType("device.well", Category.IDENTITY, _INFO, (DeviceWell,), "人员与定位设备恢复", "device well again"),
    EventType("badge.battery", Category.IDENTITY, _WARNING, (BatteryLow,), "工牌电量低", "badge's battery low"),
    EventType("tag.read", Category.IDENTITY, _INFO, (TagRead,), "读到标签", "tag read"),
    EventType("template.kept", Category.IDENTITY, _INFO, (TemplateKept,), "人脸模板已下发", "face template received"),
    EventType(
        "template.removed", Category.IDENTITY, _INFO, (TemplateRemoved,), "人脸模板已删除", "face template deleted"
    ),
    EventType(
        "template.refused", Category.IDENTITY, _WARNING, (TemplateRefused,), "人脸模板被拒", "face template refused",
        (ActionResult.DENIED,),
    ),
    EventType("template.used", Category.IDENTITY, _INFO, (TemplateUsed,), "人脸模板启用", "face template in use"),
    EventType(
        "template.changed", Category.IDENTITY, _WARNING, (TemplateChanged,), "人脸模板在盒上变更",
        "face template changed at the box",
    ),
    EventType(
        "template.key", Category.IDENTITY, _INFO, (TemplateKey,), "人脸模板加密公钥", "key for face templates"
    ),
)
