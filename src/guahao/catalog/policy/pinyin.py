"""How Chinese text is written on a Latin keyboard."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from pypinyin import Style, lazy_pinyin, load_phrases_dict

# Place names and hospital words that the dictionary of phrases lacks or reads otherwise.
load_phrases_dict(
    {
        "朝阳区": [["cháo"], ["yáng"], ["qū"]],
        "朝阳医院": [["cháo"], ["yáng"], ["yī"], ["yuàn"]],
        "长庚": [["cháng"], ["gēng"]],
        "长征": [["cháng"], ["zhēng"]],
        "重症": [["zhòng"], ["zhèng"]],
        "单县": [["shàn"], ["xiàn"]],
        "六安": [["lù"], ["ān"]],
        "番禺": [["pān"], ["yú"]],
        "行为": [["xíng"], ["wéi"]],
        "血液": [["xuè"], ["yè"]],
        "血管": [["xuè"], ["guǎn"]],
        "大夫": [["dài"], ["fu"]],
        "便血": [["biàn"], ["xuè"]],
        "吐血": [["tù"], ["xuè"]],
    }
)

_SURNAMES = {
    "单": "shan", "解": "xie", "仇": "qiu", "曾": "zeng", "查": "zha", "盖": "ge", "区": "ou", "朴": "piao",
    "翟": "zhai", "覃": "qin", "乐": "yue", "员": "yun", "缪": "miao", "种": "chong", "折": "she", "繁": "po",
    "冼": "xian", "谌": "chen",
}  # fmt: skip


def normalised(text: str) -> str:
    """Fold widths and case and drop white space, so that equal-looking texts are equal."""
    return "".join(unicodedata.normalize("NFKC", text).lower().split())


@lru_cache(maxsize=20_000)
def spelled(text: str, *, is_person: bool = False) -> tuple[str, str]:
    """The pinyin of a normalised text without tones, and its initials.

    What is not Chinese stays as it is. A surname with several readings is read as a surname.
    """
    syllables = lazy_pinyin(text, style=Style.NORMAL, v_to_u=False)
    if is_person and text[:1] in _SURNAMES:
        syllables = [_SURNAMES[text[0]], *lazy_pinyin(text[1:], style=Style.NORMAL)]
    return "".join(syllables), "".join(part if part in text else part[:1] for part in syllables)
