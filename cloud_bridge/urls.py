"""All addresses of the bridge."""

from allauth.account import views as account
from django.contrib import admin
from django.urls import path
from django.views.i18n import set_language

from cloud_bridge.web import (
    box_pages,
    call_pages,
    code_pages,
    errors,
    face_pages,
    health,
    log_pages,
    metrics,
    notify_pages,
    offence_pages,
    overview,
    permit_pages,
    static_files,
    stream,
    video_pages,
)
from cloud_bridge.web.api import api

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("boxes/<str:box>/", box_pages.box_page, name="box"),
    path("boxes/<str:box>/events", box_pages.older_events, name="box_events"),
    path("boxes/<str:box>/log/", log_pages.log_page, name="box_log"),
    path("boxes/<str:box>/log/findings/<int:alert>/close", log_pages.close_alert, name="close_alert"),
    path("boxes/<str:box>/command", box_pages.send_command, name="box_command"),
    path("boxes/<str:box>/epochs/<int:epoch>/authorise", box_pages.authorise_epoch, name="authorise_epoch"),
    path("permits/", permit_pages.permits, name="permits"),
    path("permits/new", permit_pages.new_permit, name="permit_new"),
    path("permits/<str:jti>/", permit_pages.permit_page, name="permit"),
    path("permits/<str:jti>/edit", permit_pages.edit_permit, name="permit_edit"),
    path("permits/<str:jti>/submit", permit_pages.submit_permit, name="permit_submit"),
    path("permits/<str:jti>/decide", permit_pages.decide, name="permit_decide"),
    path("permits/<str:jti>/revoke", permit_pages.revoke, name="permit_revoke"),
    path("permits/<str:jti>/qr/", code_pages.permit_codes, name="permit_codes"),
    path("permits/<str:jti>/permit.jws", code_pages.permit_file, name="permit_file"),
    path("faces/", face_pages.faces, name="faces"),
    path("faces/<str:code>/", face_pages.face, name="face"),
    path("faces/<str:code>/consent", face_pages.agree, name="face_agree"),
    path("faces/<str:code>/stills", face_pages.stills, name="face_stills"),
    path("faces/<str:code>/withdraw", face_pages.withdraw, name="face_withdraw"),
    path("faces/<str:code>/clear", face_pages.clear, name="face_clear"),
    path("refused-faces/", offence_pages.refused_faces, name="refused_faces"),
    path("refused-faces/<int:pk>/", offence_pages.refused_face, name="refused_face"),
    path("suspensions/<str:code>/lift", offence_pages.lift_suspension, name="lift_suspension"),
    path("permits/<str:jti>/video/", video_pages.permit_video, name="permit_video"),
    path("video/", video_pages.recordings, name="recordings"),
    path("video/<int:clip>/", video_pages.player, name="clip"),
    path("video/<int:clip>/<int:number>.jpg", video_pages.picture, name="clip_picture"),
    path("video/<int:clip>/clip.avi", video_pages.file, name="clip_file"),
    path("calls/", call_pages.ringing, name="calls"),
    path("calls/<int:call>/answer", call_pages.answer, name="call_answer"),
    path("messages/", notify_pages.own_messages, name="messages"),
    path("messages/test/<str:name>", notify_pages.test, name="message_test"),
    path("m/<str:token>/", notify_pages.by_link, name="message_link"),
    path("channels/", notify_pages.channels, name="channels"),
    path("events/stream", stream.stream, name="stream"),
    path("api/v1/", api.urls),
    path("metrics", metrics.metrics, name="metrics"),
    path("healthz", health.healthz, name="healthz"),
    path("language", set_language, name="set_language"),
    path("accounts/login/", account.login, name="account_login"),
    path("accounts/logout/", account.logout, name="account_logout"),
    path("accounts/password/change/", account.password_change, name="account_change_password"),
    path("accounts/inactive/", account.account_inactive, name="account_inactive"),
    path("admin/", admin.site.urls),
    path("static/<path:name>", static_files.static_file, name="static_file"),
]
handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error

admin.site.login = account.login  # type: ignore[method-assign]  # one sign-in, with its throttling
