"""The roles and what each may do. A role is a Django group of the same name."""

from enum import StrEnum

from django.utils.translation import gettext_lazy as _


class Role(StrEnum):
    """What a user is at the bridge."""

    APPLICANT = "applicant"
    APPROVER = "approver"
    SAFETY_OFFICER = "safety_officer"
    STORE_KEEPER = "store_keeper"
    MAINTENANCE = "maintenance"
    ADMIN = "admin"


TITLES = {
    Role.APPLICANT: _("applicant"),
    Role.APPROVER: _("approver"),
    Role.SAFETY_OFFICER: _("safety officer"),
    Role.STORE_KEEPER: _("store keeper"),
    Role.MAINTENANCE: _("maintenance"),
    Role.ADMIN: _("administrator"),
}

APPLY = "permits.apply_permit"
APPROVE = "permits.approve_permit"
REVOKE = "permits.revoke_permit"
COMMAND = "boxes.command_box"
ANSWER = "boxes.answer_call"
AUTHORISE = "boxes.authorise_epoch"
CLOSE = "boxes.close_alert"
ENROL = "enrolment.enrol_face"
JUDGE = "offences.judge_candidate"
LOOK = "video.view_clip"
CHANNELS = "notify.see_channels"

GRANTS: dict[Role, tuple[str, ...]] = {
    Role.APPLICANT: (APPLY,),
    Role.APPROVER: (APPROVE, REVOKE),
    Role.SAFETY_OFFICER: (REVOKE, COMMAND, ANSWER, AUTHORISE, CLOSE, ENROL, JUDGE, LOOK),
    Role.STORE_KEEPER: (ANSWER,),
    Role.MAINTENANCE: (ANSWER,),
    Role.ADMIN: (
        REVOKE,
        AUTHORISE,
        CLOSE,
        ENROL,
        "enrolment.change_facepolicy",
        "enrolment.view_facepolicy",
        "enrolment.add_facepolicy",
        LOOK,
        CHANNELS,
        "notify.add_reach",
        "notify.change_reach",
        "notify.delete_reach",
        "notify.view_reach",
        "people.add_user",
        "people.change_user",
        "people.view_user",
        "people.add_person",
        "people.change_person",
        "people.view_person",
        "flows.view_version",
        "flows.view_case",
        "flows.view_deadline",
        "boxes.view_box",
        "boxes.change_box",
    ),
}


def make_groups(**_kwargs: object) -> None:
    """Create the groups and set exactly their permissions; runs after every migration."""
    from django.contrib.auth.models import Group, Permission

    for role, grants in GRANTS.items():
        group, _created = Group.objects.get_or_create(name=role.value)
        wanted = []
        for grant in grants:
            app, codename = grant.split(".")
            found = Permission.objects.filter(content_type__app_label=app, codename=codename).first()
            if found is None:
                break  # an app that is not migrated yet: its own post_migrate comes here again
            wanted.append(found)
        else:
            group.permissions.set(wanted)
