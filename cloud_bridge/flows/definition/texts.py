"""A text in the two languages of a definition."""

import msgspec
from django.utils.translation import get_language


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What people read; `str()` gives it in the reader's language."""

    en: str
    zh: str

    def __str__(self) -> str:
        return self.en if (get_language() or "").startswith("en") else self.zh
