"""What somebody agrees to before the bridge takes a picture of the face. A change of any word is a new version.

The texts (``texts/consent-VERSION.LANGUAGE.txt``) follow the Personal Information Protection Law of China (articles
17, 28, 29 and 30, separate consent for sensitive data), the measures on face recognition in force since 1 June 2025
(another way must be offered), and the GDPR (articles 7, 9 and 13). A site has them checked by whoever answers for data
protection there.
"""

from functools import cache
from hashlib import sha256
from pathlib import Path

VERSION = "2"
LANGUAGES = ("zh-hans", "en")
ENGINE = "dlib (HOG, ResNet)"

_FOLDER = Path(__file__).with_name("texts")
_PICTURES = {
    False: {"zh-hans": "照片不保存，计算后立即删除。", "en": "the pictures are not kept and are deleted right after. "},
    True: {
        "zh-hans": "照片按本单位规定另行留存（仅本平台，带盐承诺登记，可随时抹除），撤回同意时一并删除。",
        "en": (
            "by this site's rules the pictures are kept as well (here only, under a salted commitment, erasable at any "
            "time) and are deleted when you withdraw. "
        ),
    },
}
_NOBODY = {"zh-hans": "本单位", "en": "this site"}
_NO_CONTACT = {"zh-hans": "本单位安全部门", "en": "the safety office of this site"}


@cache
def _blank(language: str) -> str:
    return (_FOLDER / f"consent-{VERSION}.{language}.txt").read_text(encoding="utf-8")


def words(language: str, *, operator: str, contact: str, days: int, keeps_pictures: bool) -> str:
    """The text in a language that it exists in, filled in for a site."""
    return _blank(language).format(
        version=VERSION,
        operator=operator or _NOBODY[language],
        contact=contact or _NO_CONTACT[language],
        days=days,
        engine=ENGINE,
        pictures=_PICTURES[keeps_pictures][language],
    )


def digest(text: str) -> str:
    """SHA-256 by which a consent refers to the words, hex."""
    return sha256(text.encode()).hexdigest()
