"""Commands that keep the bridge's books: boxes, users, people, faces, permits, workflows, audit, mqtt, notify, check."""

import typer

from cloud_bridge.commands import audit, box, check, faces, flow, load, mqtt, notify, people, permit


def register(app: typer.Typer) -> None:
    """Add all commands to the program."""
    app.add_typer(box.app, name="box", help="Boxes and their keys. / 盒子及其密钥。")
    app.add_typer(people.user_app, name="user", help="Users who sign in. / 登录用户。")
    app.add_typer(people.person_app, name="person", help="People at the boxes. / 现场人员。")
    app.add_typer(faces.app, name="faces", help="Enrolled faces and their key. / 已登记的人脸及其密钥。")
    app.add_typer(permit.app, name="permit", help="Permits to work. / 作业票。")
    app.add_typer(flow.app, name="flow", help="Workflows: check a definition, try it. / 工作流：检查与试运行。")
    app.add_typer(audit.app, name="audit", help="Check the stored logs. / 校验已存日志。")
    app.add_typer(mqtt.app, name="mqtt", help="Certificates and access list for mosquitto. / MQTT 证书与访问控制。")
    app.add_typer(notify.app, name="notify", help="Messages to people: channels, addresses, receipts. / 消息通知。")
    app.command("check")(check.check)
    app.command("load")(load.load)
