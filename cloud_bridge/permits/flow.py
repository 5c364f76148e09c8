"""The words of the permit's workflow (configs/workflows/permit.yaml): its guards, facts, roles and effects."""

from typing import Any

from django.utils.translation import gettext as _

from cloud_bridge.flows.definition.errors import Refused
from cloud_bridge.flows.definition.model import By
from cloud_bridge.flows.definition.texts import Text
from cloud_bridge.flows.vocabulary import EffectKind, Guard, Occasion, Vocabulary
from cloud_bridge.people.roles import TITLES, Role
from cloud_bridge.permits.workflow import REQUIRED_SIGNATURES

OFFICERS = frozenset({Role.SAFETY_OFFICER, Role.APPROVER, Role.ADMIN, "guardian", "ehs_vice_president"})


def _said(occasion: Occasion) -> str:
    return occasion.event.actor.name or occasion.event.actor.identity


def _applicant_only(occasion: Occasion, _params: object) -> Refused | None:
    if occasion.event.actor.identity == occasion.event.facts.get("applicant"):
        return None
    return Refused("applicant_only", _("the applicant"), _said(occasion), _("Ask the applicant to do it."))


def _applicant_or_officer(occasion: Occasion, _params: object) -> Refused | None:
    event = occasion.event
    if event.by is not By.PERSON or set(event.actor.roles) & OFFICERS:
        return None
    return _applicant_only(occasion, None)


def _crew_free(occasion: Occasion, _params: object) -> Refused | None:
    barred = occasion.event.facts.get("barred")
    if barred == []:
        return None
    came = _("nobody has looked") if barred is None else _("%s, suspended") % ", ".join(barred)
    return Refused(
        "crew_free", _("people who may work"), came, _("Name somebody else, or have the retraining recorded.")
    )


def _signs_content(occasion: Occasion, _params: object) -> Refused | None:
    present, shown = occasion.event.facts.get("content_sha256"), occasion.event.form.get("content_sha256", "")
    if present and shown == present:
        return None
    return Refused(
        "signs_content", _("a signature over the present content %s") % str(present)[:12], str(shown)[:12] or "-",
        _("The content changed since you opened it: reload, read it again and sign."),
    )  # fmt: skip


def _not_on_permit(occasion: Occasion, _params: object) -> Refused | None:
    facts, identity = occasion.event.facts, occasion.event.actor.identity
    if "crew" in facts and identity not in facts["crew"] and identity != facts.get("applicant"):
        return None
    return Refused(
        "not_on_permit", _("an approver who neither applied nor works on this permit"), _said(occasion),
        _("Ask another approver to sign."),
    )  # fmt: skip


def _enough_signatures(occasion: Occasion, _params: object) -> Refused | None:
    facts = occasion.event.facts
    if facts.get("signatures", 0) >= REQUIRED_SIGNATURES:
        return None
    return Refused(
        "enough_signatures", _("two approvers of different offices over the present content"),
        str(facts.get("signatures", 0)), _("Sign again."),
    )  # fmt: skip


def _not_late_approver(occasion: Occasion, _params: object) -> Refused | None:
    late = occasion.event.facts.get("late_approvers")
    if late is not None and occasion.event.actor.identity not in late:
        return None
    return Refused(
        "not_late_approver", _("somebody else than the approver who was late"), _said(occasion),
        _("Ask the safety officer to write the report."),
    )  # fmt: skip


def _not_a_performer(occasion: Occasion, _params: object) -> Refused | None:
    performers = occasion.event.facts.get("performers")
    if performers is not None and occasion.event.actor.identity not in performers:
        return None
    return Refused(
        "not_a_performer", _("somebody who did not do the work"), _said(occasion), _("Ask the site unit to accept it.")
    )


def _revocation(key: str, subject: str, params: dict[str, Any]) -> None:
    """The box gets a new revocation list; asked for again after a crash, it is renewed once more."""
    del key, params
    from cloud_bridge.boxes.models import RevocationList
    from cloud_bridge.permits.models import Permit

    permit = Permit.objects.filter(jti=subject).first()
    if permit is not None:
        RevocationList.objects.update_or_create(box=permit.box, defaults={"wanted": True})


VOCABULARY = Vocabulary(
    roles={
        **{role.value: title for role, title in TITLES.items()},
        "guardian": Text("guardian", "监护人"),
        "line_manager": Text("manager in charge", "主管领导"),
        "ehs_vice_president": Text("EHS vice-president", "安环副总"),
    },
    parties={
        "next_approver": Text("whoever has to approve now", "当前审批人"),
        "crew": Text("everybody on the permit", "作业票上的人员"),
    },
    guards={
        "applicant_only": Guard(Text("only the applicant", "仅限申请人"), _applicant_only),
        "applicant_or_officer": Guard(
            Text("the applicant, or somebody in charge of safety", "申请人或安全管理人员"), _applicant_or_officer
        ),
        "crew_free": Guard(Text("nobody on it is suspended", "人员均未停岗"), _crew_free),
        "signs_content": Guard(Text("signs what was shown", "签署内容与所示一致"), _signs_content),
        "not_on_permit": Guard(Text("neither applied nor works on it", "非申请人且非作业人员"), _not_on_permit),
        "enough_signatures": Guard(Text("two signatures of different offices", "不同部门两人签名"), _enough_signatures),
        "not_late_approver": Guard(Text("not the late approver", "非超时审批人"), _not_late_approver),
        "not_a_performer": Guard(Text("did not do the work", "非作业人"), _not_a_performer),
    },
    effects={
        "revocation": EffectKind(Text("the box gets a new revocation list", "更新盒子的撤销清单"), deliver=_revocation),
    },
    facts={
        "complete": Text("template and every field of the ticket are complete", "模板与票面各项齐全"),
        "jsa_confirmed": Text("the JSA is confirmed", "作业安全分析已确认"),
        "people_qualified": Text("licences and authorisations hold to the planned end", "人员资质在计划结束前有效"),
        "simops_computed": Text("crossing work is computed", "交叉作业已核查"),
        "level_computed": Text("the level is computed, with its upgrade", "作业级别已核定（含升级管理）"),
        "on_site": Text("proof of being on site", "到场证明"),
        "later_day": Text("a later day of the permit", "作业票的后续日"),
        "in_check_in_time": Text("within the check-in time of the day", "在当日签到时限内"),
        "guardian_on_post": Text("the guardian is on post", "监护人已到岗"),
        "briefed": Text("everybody was briefed and has signed", "安全交底完成并签字"),
        "gas_tested": Text("a gas test that is fresh and passed", "气体检测合格且在有效时间内"),
        "measures_done": Text("all measures are confirmed", "安全措施已逐项确认"),
        "isolations_proven": Text("isolations are proven", "能量隔离已验证"),
        "ticket_checked": Text("the shift leader has checked the ticket", "班长已验票"),
        "quiz_passed": Text("the quiz of this permit is passed", "上岗随身卡答题通过"),
        "cause_cleared": Text("the cause is cleared", "暂停原因已消除"),
        "reset_on_site": Text("reset by an authorised person on site", "授权人员现场复位"),
        "gas_fresh": Text("a gas test fresh enough for the length of the break", "中断时间内气体检测仍有效"),
        "same_day": Text("the same day", "同一天"),
        "chain_sealed": Text("the record is sealed", "记录链已封存"),
    },
)
