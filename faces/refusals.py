"""Why an enrolment is refused: every reason says in both languages what was expected, what came and what to do."""

from enum import StrEnum


class Refusal(StrEnum):
    """Why an enrolment was refused."""

    COUNT = "count"
    UNREADABLE = "unreadable"
    NO_FACE = "no_face"
    TWO_FACES = "two_faces"
    SMALL = "small"
    BLURRED = "blurred"
    DARK = "dark"
    BRIGHT = "bright"
    TURNED = "turned"
    TILTED = "tilted"
    SAME_PICTURE = "same_picture"
    DISAGREE = "disagree"
    SOMEBODY_ELSE = "somebody_else"
    CAMERA = "camera"


_TEXTS: dict[Refusal, tuple[str, str]] = {
    Refusal.COUNT: (
        "expected {few} to {many} stills, got {came}; take stills that differ a little in angle and light",
        "需要 {few} 至 {many} 张照片, 收到 {came} 张; 请从略有不同的角度和光线拍摄",
    ),
    Refusal.UNREADABLE: (
        "{still} is not a picture that can be read; use JPEG or PNG",
        "无法读取图片 {still}; 请使用 JPEG 或 PNG",
    ),
    Refusal.NO_FACE: (
        "no face found in {still}; come nearer, face the camera, take off mask and visor",
        "{still} 中未找到人脸; 请靠近并正对摄像头, 摘下口罩和面罩",
    ),
    Refusal.TWO_FACES: (
        "{came} faces in {still}; only the person being enrolled may be in the picture",
        "{still} 中有 {came} 张人脸; 照片中只能有被登记人",
    ),
    Refusal.SMALL: (
        "the face in {still} is {came} pixels wide (at least {limit}); come nearer",
        "{still} 中的人脸宽 {came} 像素 (至少 {limit}); 请靠近摄像头",
    ),
    Refusal.BLURRED: (
        "{still} is blurred ({came}, at least {limit}); hold still, wipe the lens, take it again",
        "{still} 模糊 ({came}, 至少 {limit}); 请保持不动并擦净镜头后重拍",
    ),
    Refusal.DARK: (
        "{came} of the face in {still} is black (at most {limit}); go where there is light, lift the helmet's brim",
        "{still} 中人脸有 {came} 全黑 (至多 {limit}); 请到光线充足处, 抬起帽檐",
    ),
    Refusal.BRIGHT: (
        "{came} of the face in {still} is overexposed (at most {limit}); turn away from lamp or sun",
        "{still} 中人脸有 {came} 过曝 (至多 {limit}); 请避开直射的灯光或阳光",
    ),
    Refusal.TURNED: (
        "the face in {still} is turned aside ({came}, at most {limit}); look into the camera",
        "{still} 中人脸侧转 ({came}, 至多 {limit}); 请正视摄像头",
    ),
    Refusal.TILTED: (
        "the head in {still} leans by {came} (at most {limit}); hold the head upright",
        "{still} 中头部倾斜 {came} (至多 {limit}); 请保持头部端正",
    ),
    Refusal.SAME_PICTURE: (
        "{still} and {other} are the same picture ({came} apart, at least {limit}); take another one",
        "{still} 与 {other} 是同一张照片 (相差 {came}, 至少 {limit}); 请另拍一张",
    ),
    Refusal.DISAGREE: (
        "{still} and {other} differ by {came} (limit {limit}): two people, or a poor picture; take these two again",
        "{still} 与 {other} 相差 {came} (限值 {limit}): 可能不是同一人或照片质量差; 请重拍这两张",
    ),
    Refusal.SOMEBODY_ELSE: (
        "{still} is only {came} away from {other}, who is enrolled already (limit {limit}); check who this is",
        "{still} 与已登记的 {other} 仅相差 {came} (限值 {limit}); 请核实身份",
    ),
    Refusal.CAMERA: (
        "the camera gave {came} good stills of {many} ({health}); {last}",
        "摄像头只取得 {came}/{many} 张合格照片 ({health}); {last_zh}",
    ),
}


class EnrolmentRefusedError(ValueError):
    """An enrolment that was not written.

    Attributes:
        why: the reason.
        en, zh: what was expected, what came and what to do, in both languages.
    """

    def __init__(self, why: Refusal, **facts: object) -> None:
        """Fill the reason's texts with its facts."""
        english, chinese = _TEXTS[why]
        self.why = why
        self.en = english.format(**facts)
        self.zh = chinese.format(**facts)
        super().__init__(self.en)
