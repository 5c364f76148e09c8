"""Every fault of the site's devices, for people: what `hotbox-sim faults` lists. The devices' own enums decide."""

import msgspec


class Known(msgspec.Struct, frozen=True):
    """One fault: its word, what VALUE is (its unit and what it is when left out, empty without one), and what it is."""

    kind: str
    zh: str
    en: str
    value: str = ""


class Device(msgspec.Struct, frozen=True):
    """A class of devices: the names that `fault` knows them by on the default site, what they are, their faults."""

    names: str
    zh: str
    en: str
    faults: tuple[Known, ...]


_ON_THE_WAY = (
    Known("silent", "不应答", "does not answer"),
    Known("exception", "应答 Modbus 异常码 4", "answers Modbus exception 4"),
    Known("link_drop", "连接断开，整条总线掉线", "the connection drops, with the whole bus"),
    Known("late", "应答迟到", "answers late", "MS [350, RTU 150]"),
    Known("wrong_unit", "应答来自别的站号", "the answer names another unit"),
    Known("wrong_count", "应答长度不对：少一个寄存器", "the answer has a wrong length: one register short"),
    Known("crc", "校验错误（TCP：事务号错误）", "bad CRC (on TCP: a foreign transaction)"),
    Known("garbage", "整帧为乱码", "the whole frame is garbage"),
    Known("noise", "帧前有线路干扰字节", "noise on the line before the frame"),
    Known("truncated", "帧只到一半", "half a frame"),
    Known("baud", "波特率不匹配", "speaks at another baud rate", "BAUD [19200]"),
    Known("short", "总线短路，全线无字节通过", "the bus is shorted: no byte passes for anybody"),
)
_DETECTOR = (
    *_ON_THE_WAY,
    Known("frozen", "读数卡死，计数器停走", "stuck: registers and live counter stand still"),
    Known("status_fault", "探头自报故障", "the head's own fault bit"),
    Known("over_range", "读数超量程", "over range"),
    Known("warm_up", "预热中", "warming up"),
    Known("drift", "读数漂移", "drifts", "UNITS A SECOND [5 % of range]"),
    Known("fold_back", "先超量程，随后回落到洁净读数", "over range, then folds back to a clean reading", "MS [600]"),
)

CATALOGUE = (
    Device("ch4-1 o2-1 co-1 h2s-1 …", "气体探测器、过程传感器", "gas detectors and process sensors", _DETECTOR),
    Device(
        "portable-1 …", "便携式探测器（网关后）", "portables behind a gateway",
        (Known("unheard", "网关收不到它，仍显示旧读数", "its gateway does not hear it and shows its last values"),),
    ),
    Device(
        "ch4-far …", "MQTT 探测器", "detectors on MQTT",
        (
            Known("silent", "不再发布", "publishes nothing more"),
            Known("garbage", "发布乱码", "publishes what is no number"),
            Known("over_range", "读数超量程", "over range"),
        ),
    ),
    Device("inputs", "按钮输入模块", "the input module", _ON_THE_WAY),
    Device(
        "arm stop finish reset estop door mains battery enclosure flame test_key isolated",
        "按钮与触点", "buttons and contacts",
        (
            Known("open", "断线或断开（市电：停电）", "open or its wire broken (mains: mains fail)"),
            Known("closed", "短接或粘住", "shorted or stuck"),
            Known("bounce", "抖动", "bounces", "MS [10]"),
        ),
    ),
    Device(
        "deadman", "失联断开控制器及其继电器", "dead-man controller and its relay",
        (
            Known("reboot", "重启一次", "reboots once"),
            Known("mute", "不再上报", "says nothing more"),
            Known("clogged", "不再接收", "takes no more bytes"),
            Known("late", "上报迟到", "what it says arrives late", "MS [400]"),
            Known("corrupt", "上报每行错一位", "a wrong bit in every line"),
            Known("weld", "触点粘连", "the contact welds"),
            Known("stuck_open", "触点吸不合", "the contact does not close"),
            Known("chatter", "触点抖动", "the contact chatters"),
        ),
    ),
    Device(
        "gnss", "卫星定位", "GNSS receiver",
        (
            Known("void", "无定位", "no fix"),
            Known("no_checksum", "语句没有校验和", "sentences without a checksum"),
            Known("bad_checksum", "语句被改动，校验不符", "sentences that were changed: their checksum is wrong"),
            Known("jump", "位置每秒跳变约 40 米", "the position leaps 40 m and back, each second"),
            Known("frozen", "时间与位置停走", "one measurement is told for ever"),
            Known("poor", "卫星少、精度差", "few satellites, poor precision"),
            Known("silent", "不输出", "says nothing"),
        ),
    ),
    Device(
        "nfc", "标签读卡器", "the tag reader",
        (
            Known("silent", "不应答", "does not answer"),
            Known("corrupt", "每帧错一位", "a wrong bit in every frame"),
            Known("error", "只应答错误帧", "answers with error frames only"),
        ),
    ),
    Device("outputs", "声光输出模块", "the output module of stack light and buzzer", _ON_THE_WAY),
    Device(
        "relay …", "继电器板（ICP DAS、Waveshare）", "relay boards (ICP DAS, Waveshare)",
        (
            *_ON_THE_WAY,
            Known("weld", "触点粘连", "the contact welds"),
            Known("stuck_open", "触点吸不合", "the contact does not close"),
            Known("chatter", "触点抖动", "the contact chatters"),
            Known("reboot", "瞬间失电", "loses its power for a moment"),
        ),
    ),
    Device(
        "performer guardian leader …", "工牌", "badges",
        (
            Known("away", "离开", "goes away"),
            Known("weak", "信号弱", "weak signal"),
            Known("cloned", "被复制，副本一直在发", "cloned: a copy of its payload goes on"),
            Known("replay", "播放以前的录音", "a recording is played", "SECONDS OLD [60]"),
            Known("doubled", "在场，同时被另一台设备转发", "here, and repeated at once by a second radio"),
            Known("forged", "密钥不对的伪造工牌", "its number with another secret"),
            Known("outdated", "旧固件，不报电量", "old firmware, which tells no battery"),
            Known("battery", "电量低", "a low battery", "PERCENT [5]"),
        ),
    ),
    Device(
        "badges", "蓝牙接收", "the Bluetooth radio",
        (
            Known("deaf", "扫描器失聪", "the scanner goes deaf"),
            Known("gaps", "每扫 10 秒聋 5 秒", "deaf for 5 s after each 10 s"),
            Known("stalled", "扫描悄悄停止，重新开始才恢复", "the scan ends without a word, until one is started anew"),
            Known("restart", "D-Bus 与蓝牙服务重启", "D-Bus and its Bluetooth service restart"),
        ),
    ),
    Device(
        "camera", "摄像头", "camera",
        (
            Known("stall", "不再出图", "no more pictures"),
            Known("frozen", "画面冻结", "the same picture for ever"),
            Known("black", "黑屏", "the cap is on: nothing but noise"),
            Known("covered", "镜头被手或布遮住", "a hand or a cloth before the lens: dim, shapeless, alive"),
            Known("taped", "镜头被白纸或胶带贴住", "paper or tape over the lens by day: bright, even, alive"),
            Known("loop", "最后几幅画面循环播放", "its last pictures come again and again", "PICTURES [20]"),
            Known("disconnect", "断开", "the cable is out"),
        ),
    ),
    Device(
        "host", "盒子的计算机（需 root）", "the machine that the box runs on (root only)",
        (
            Known("clock_step", "时钟被改", "its clock is set", "SECONDS [-3600]"),
            Known("disk_full", "磁盘写满", "its disk is full"),
        ),
    ),
)  # fmt: skip
"""`none` mends any of them; of a badge it says that it is here."""


def kinds_of(name: str) -> tuple[str, ...]:
    """The faults of a device by its name; every name that is not listed is a detector's, a sensor's or a badge's."""
    known = {each: device for device in CATALOGUE for each in device.names.split()}
    device = known.get(name)
    if device is not None:
        return tuple(each.kind for each in device.faults)
    open_ended = [device for device in CATALOGUE if device.names.endswith("…")]
    return tuple(each.kind for device in open_ended for each in device.faults)
