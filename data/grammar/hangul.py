"""Hangul syllables and noun particles. Knows letters; no words and no grammar of verbs.

A syllable's code point is 0xAC00 + (lead * 21 + vowel) * 28 + tail.
"""

LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
TAILS = ["", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"]


def split(syllable: str) -> tuple[str, str, str]:
    """Split a syllable into its letters: '한' -> ('ㅎ', 'ㅏ', 'ㄴ')."""
    rest, tail = divmod(ord(syllable) - 0xAC00, 28)
    lead, vowel = divmod(rest, 21)
    return LEADS[lead], VOWELS[vowel], TAILS[tail]


def join(lead: str, vowel: str, tail: str = "") -> str:
    """Join letters into a syllable: ('ㅎ', 'ㅏ', 'ㄴ') -> '한'."""
    number = (LEADS.index(lead) * 21 + VOWELS.index(vowel)) * 28 + TAILS.index(tail)
    return chr(0xAC00 + number)


def tail(word: str) -> str:
    """The final consonant of a word; '' if it ends in a vowel."""
    return split(word[-1])[2]


def with_tail(word: str, consonant: str) -> str:
    """The word with its final consonant replaced: ('가', 'ㄴ') -> '간', ('살', '') -> '사'"""
    lead, vowel, _ = split(word[-1])
    return word[:-1] + join(lead, vowel, consonant)


def topic(noun: str) -> str:
    """The noun with the topic particle: 책은, 사과는."""
    return noun + ("은" if tail(noun) else "는")


def subject(noun: str) -> str:
    """The noun with the subject particle: 책이, 사과가, 내가."""
    return IRREGULAR_SUBJECTS.get(noun) or noun + ("이" if tail(noun) else "가")


def object_(noun: str) -> str:
    """The noun with the object particle: 책을, 사과를."""
    return noun + ("을" if tail(noun) else "를")


def with_and(noun: str) -> str:
    """The noun with the particle for 'and' between nouns: 빵과 우유, 사과와 빵."""
    return noun + ("과" if tail(noun) else "와")


IRREGULAR_SUBJECTS = {"나": "내가", "저": "제가", "너": "네가"}
