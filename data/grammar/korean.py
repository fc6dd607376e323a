"""Korean conjugation by rule: the form of a stem with each ending. Knows no English and no list of words.

>>> conjugate(Stem("듣", "ㄷ"), "past", "plain")
'들었다'
>>> predicate(Stem("예쁘", kind="adjective"), "present", "polite", negation="long")
'예쁘지 않아요'
"""

from dataclasses import dataclass

from .hangul import join, split, tail, with_tail

# Endings of a predicate. The first five end a sentence (간다, 가니, 가요, 갑니다, 갑니까), the others connect clauses.
FINAL = ("plain", "ask", "polite", "formal", "formal ask")
ENDINGS = (*FINAL, "and", "but", "because", "if", "when")

FORMAL = {"formal": "니다", "formal ask": "니까"}
CONTRACTIONS = {"ㅗㅏ": "ㅘ", "ㅜㅓ": "ㅝ", "ㅣㅓ": "ㅕ", "ㅚㅓ": "ㅙ"}
NO_SECOND_VOWEL = "ㅏㅓㅐㅔㅕ"  # 가+아 -> 가, 서+어 -> 서, 보내+어 -> 보내, 켜+어 -> 켜


@dataclass(frozen=True)
class Stem:
    """The stem of a predicate, which is its dictionary form without 다."""

    text: str
    irregular: str = ""  # the consonant or syllable that changes: ㄷ, ㅂ, ㅅ or 르
    kind: str = "verb"  # or "adjective", which does not take -ㄴ다/-는다


def infinitive(stem: Stem) -> str:
    """The -아/-어 form, on which past, polite and 'because' are built."""
    text, irregular = stem.text, stem.irregular
    if text.endswith("하"):
        return text[:-1] + "해"
    if irregular == "르":
        before = text[:-1]
        return with_tail(before, "ㄹ") + ("라" if is_bright(before) else "러")
    if irregular == "ㅂ":
        return with_tail(text, "") + ("와" if text == "돕" else "워")
    if irregular == "ㅅ":
        return with_tail(text, "") + ("아" if is_bright(text) else "어")
    if irregular == "ㄷ":
        text = with_tail(text, "ㄹ")
    lead, vowel, final = split(text[-1])
    if vowel == "ㅡ" and not final:
        bright = len(text) > 1 and is_bright(text[:-1])
        return text[:-1] + join(lead, "ㅏ" if bright else "ㅓ")
    added = "ㅏ" if is_bright(text) else "ㅓ"
    if not final and vowel in NO_SECOND_VOWEL:
        return text
    if not final and vowel + added in CONTRACTIONS:
        return text[:-1] + join(lead, CONTRACTIONS[vowel + added])
    return text + join("ㅇ", added)


def is_bright(text: str) -> bool:
    """Whether the last vowel is ㅏ or ㅗ, which decides vowel harmony."""
    return split(text[-1])[1] in "ㅏㅗ"


def soft(stem: Stem, ending: str) -> str:
    """The stem with an ending that begins with (으): -면, -ㄹ or -ㄴ."""
    text = stem.text
    if stem.irregular == "ㅂ":
        text = with_tail(text, "") + "우"
    elif stem.irregular == "ㅅ":
        text = with_tail(text, "") + "으"
    elif stem.irregular == "ㄷ":
        text = with_tail(text, "ㄹ") + "으"
    elif tail(text) == "ㄹ":
        text = text if ending == "면" else with_tail(text, "")
    elif tail(text):
        text += "으"
    return text + ending if ending == "면" else with_tail(text, ending)


def attributive(stem: Stem) -> str:
    """The form of an adjective before a noun: 예쁜, 작은, 어려운, 긴, 맛있는."""
    return stem.text + "는" if stem.text.endswith("있") else soft(stem, "ㄴ")


def conjugate(stem: Stem, tense: str, ending: str) -> str:
    """The stem with a tense and an ending; 'because' and 'if' have no tense in Korean."""
    text = stem.text
    if ending == "because":
        return infinitive(stem) + "서"
    if ending == "if":
        return soft(stem, "면")
    if tense == "past":
        return after_past(with_tail(infinitive(stem), "ㅆ"), ending)
    if ending == "when":
        return soft(stem, "ㄹ") + " 때"
    if tense == "future":
        future = {"ask": "거니", "polite": "거예요"}
        return soft(stem, "ㄹ") + " " + (future.get(ending) or copula("것", "present", ending))
    if ending == "polite":
        return infinitive(stem) + "요"
    if ending in ("and", "but"):
        return text + {"and": "고", "but": "지만"}[ending]
    short = with_tail(text, "") if tail(text) == "ㄹ" else text
    if ending in FORMAL:
        return (text + "습" if tail(short) else with_tail(short, "ㅂ")) + FORMAL[ending]
    if ending == "ask":
        return short + "니"
    if stem.kind == "adjective":
        return text + "다"
    return text + "는다" if tail(short) else with_tail(short, "ㄴ") + "다"


def after_past(past: str, ending: str) -> str:
    """A past stem with an ending: 갔 -> 갔다, 갔니, 갔어요, 갔습니다, 갔고, 갔지만, 갔을 때."""
    if ending in FORMAL:
        return past + "습" + FORMAL[ending]
    after = {"plain": "다", "ask": "니", "polite": "어요", "and": "고", "but": "지만", "when": "을 때"}
    return past + after[ending]


def predicate(stem: Stem, tense: str, ending: str, negation: str = "", progressive: bool = False) -> str:
    """The stem with all its auxiliaries and the ending; negation is '', 'short' (안 간다) or 'long' (가지 않는다)."""
    before = ""
    if negation == "short":
        before = "안 "
    if progressive:
        before, stem = before + stem.text + "고 ", Stem("있", kind="adjective")
    if negation == "long":
        before, stem = before + stem.text + "지 ", Stem("않", kind=stem.kind)
    return before + conjugate(stem, tense, ending)


def copula(noun: str, tense: str, ending: str, negative: bool = False) -> str:
    """The noun with 이다, or with 이/가 아니다 if negative; 이 is dropped after a vowel: 학생이다, 의사다."""
    link = "이" if tail(noun) else ""
    text, past, polite = noun + link, noun + ("이었" if link else "였"), "이에요" if link else "예요"
    if negative:
        text = f"{noun}{'이' if link else '가'} 아니"
        past, polite = text + "었", "에요"
    if ending == "because":
        return text + "라서"
    if ending == "if":
        return text + "면"
    if tense == "past":
        return after_past(past, ending)
    if ending == "polite":
        return (text if negative else noun) + polite
    if ending in FORMAL:
        return (with_tail(text, "ㅂ") if negative else noun + "입") + FORMAL[ending]
    return text + {"plain": "다", "ask": "니", "and": "고", "but": "지만"}[ending]
