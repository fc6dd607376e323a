"""Lines in capitals and in title case reach the model as sentences, unless training had many such lines."""

from collections.abc import Sequence

import pytest
from fakes import AnswerEngine, WordTokenizer
from hypothesis import given
from hypothesis import strategies as st

from nmt.decoding.translator import Translator
from nmt.text.casing import CAPITALS, TITLE, as_sentence, case_of, in_capitals, in_small_letters
from nmt.text.profile import Profile, ProfileCounter
from nmt.text.slots import slotted
from nmt.text.verbatim import find


@pytest.mark.parametrize(
    ("text", "case"),
    [
        ("TWO DOGS RUN", CAPITALS),
        ("ZWEI GROßE HUNDE", ""),  # ß is a small letter
        ("TWO DOGS RUN TO 42 %", CAPITALS),
        ("NATO", CAPITALS),
        ("X 1999", ""),
        ("A Man in the Park With a Dog", TITLE),
        ("A Man In A Park", ""),  # too few words to tell it from a name
        ("The New York Times Company", TITLE),
        ("New York Times", ""),
        ("Ein Mann mit Hut und Hund im Park", TITLE),  # by mistake: German training has too many to be seldom
        ("two dogs run", ""),
        ("두 마리 개가 달린다", ""),
        ("", ""),
        ("42", ""),
    ],
)
def test_a_line_is_in_capitals_or_in_title_case_or_in_neither(text: str, case: str) -> None:
    assert case_of(text) == case


@given(st.text(alphabet="AB İ가1.", max_size=12))
def test_a_text_in_capitals_becomes_one_in_small_letters_that_begins_with_a_capital(text: str) -> None:
    small = text.lower()
    place = next((place for place, letter in enumerate(small) if letter.isalpha()), 0)
    assert as_sentence(text) == small[:place] + small[place : place + 1].upper() + small[place + 1 :]


@pytest.mark.parametrize(
    ("title", "sentence"),
    [
        ("Two Dogs Run Fast", "Two dogs run fast"),
        ("Download The USB Driver Now", "Download the USB driver now"),
        ("NaCl + AgNO3 = AgCl + NaNO3", "NaCl + AgNO3 = AgCl + NaNO3"),
        ("221B Baker Street, London, England", "221B Baker street, London, England"),
        ("Write For iPhone And PowerPoint Today", "Write for iPhone and PowerPoint today"),
        ("A Man And A Dog In London", "A man and a dog in London"),
    ],
)
def test_a_title_keeps_names_and_what_has_a_capital_or_a_digit_inside(title: str, sentence: str) -> None:
    assert as_sentence(title, is_name={"London", "England", "Baker"}.__contains__) == sentence


@pytest.mark.parametrize(
    ("language", "small", "capitals"),
    [("tr", "ışık içinde", "IŞIK İÇİNDE"), ("az_AZ", "qırmızı iki", "QIRMIZI İKİ"), ("tur", "ılık", "ILIK")],
)
def test_turkic_languages_have_an_i_with_and_one_without_a_dot(language: str, small: str, capitals: str) -> None:
    assert in_capitals(small, language) == capitals
    assert in_small_letters(capitals, language) == small
    assert as_sentence(capitals, language) == capitals[0] + small[1:]


def test_georgian_has_no_capitals_that_anyone_writes() -> None:
    assert in_capitals("გამარჯობა", "ka") == "გამარჯობა"
    assert in_capitals("გამარჯობა", "kat") == "გამარჯობა"


def translated(lines: list[str], profile: Profile, answers: dict[str, list[str]]) -> list[str]:
    words = WordTokenizer()
    translator = Translator(AnswerEngine(words, answers), words, words, profile=profile)
    return [translation.text for translation in translator.translate(lines)]


SELDOM = Profile(20, 1, 0.5, ".", ".", 0.0, 0.0)
OFTEN = Profile(20, 1, 0.5, ".", ".", 0.2, 0.2)


def test_a_line_in_capitals_is_translated_as_a_sentence_and_comes_back_in_capitals() -> None:
    answers = {"Two dogs run": ["zwei große Hunde laufen"]}
    assert translated(["TWO DOGS RUN"], SELDOM, answers) == ["ZWEI GROẞE HUNDE LAUFEN"]


def test_a_line_in_title_case_is_translated_as_a_sentence() -> None:
    answers = {"A man in the park with a dog": ["ein Mann im Park mit Hund"]}
    assert translated(["A Man in the Park With a Dog"], SELDOM, answers) == ["ein Mann im Park mit Hund"]


class Spelling(WordTokenizer):
    """Cuts words that a model has not seen into their letters."""

    def encode(self, lines: Sequence[str]) -> list[list[int]]:
        cut = [" ".join(word if word in KNOWN else " ".join(word) for word in line.split(" ")) for line in lines]
        return super().encode(cut)


KNOWN = ("Isparta", "ılıca", "ışık", "I", "think", "it", "is", "Isabel")


@pytest.mark.parametrize("sources", [("tr", "en"), ("en", "tr", "de", "az")])
@pytest.mark.parametrize(
    ("line", "sentence"),
    [("ISPARTA ILICA IŞIK", "Isparta ılıca ışık"), ("I THINK IT IS", "I think it is"), ("ISABEL", "Isabel")],
)
def test_of_several_source_languages_small_letters_are_those_that_the_model_knows(
    sources: tuple[str, ...], line: str, sentence: str
) -> None:
    words = Spelling()
    engine = AnswerEngine(words, {sentence: ["x"]})
    translator = Translator(engine, words, words, profile=SELDOM, source_language="mul", sources=sources)
    assert [translation.text for translation in translator.translate([line])] == ["X"]


def test_where_training_had_such_lines_they_stay_as_they_are() -> None:
    lines = ["TWO DOGS RUN", "A Man in the Park With a Dog"]
    assert translated(lines, OFTEN, {line: ["x"] for line in lines}) == ["x", "x"]
    unknown = Profile(20, 1, 0.5, ".", ".")  # of a model of an older version
    assert translated(lines, unknown, {line: ["x"] for line in lines}) == ["x", "x"]


def test_the_profile_counts_lines_in_capitals_and_titles() -> None:
    counter = ProfileCounter()
    sources = ["TWO DOGS RUN", "A Man in the Park With a Dog", "a b", "c d"]
    counter.add([(source, "x") for source in sources], [3] * 4, [3] * 4)
    assert (counter.profile().capitals, counter.profile().titles) == (0.25, 0.25)


def test_what_stays_as_it_is_keeps_its_case() -> None:
    shown = slotted("OPEN {UserName} AND SEE", find)
    assert case_of(shown.text) == CAPITALS
    assert shown.items == ("{UserName}",)
