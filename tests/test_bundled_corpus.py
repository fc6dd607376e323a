"""The bundled corpus: what its files hold, and the grammar that writes them."""

import itertools
import re
import subprocess
import sys
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
import sacrebleu

DATA = Path(__file__).parents[1] / "data"
sys.path.insert(0, str(DATA))

import make_corpus  # noqa: E402
from grammar import english, hangul, korean, lexicon, phrases  # noqa: E402
from grammar import lines as grammar_lines  # noqa: E402
from grammar import links as grammar_links  # noqa: E402
from grammar.dice import Dice  # noqa: E402
from grammar.korean import Stem  # noqa: E402
from grammar.sentences import Fragment, Phrase  # noqa: E402

SETS = {"train": 16000, "valid": 500, "test": 1000, "test-unseen": 300, "notes": 24}
NAMED = {word.en for word in phrases.NAMES}
NAMED |= {phrase.en for phrase in grammar_lines.WORDS if phrase.en[0].isupper()}
Lines = dict[str, list[tuple[str, str]]]


@pytest.fixture(scope="module")
def lines() -> Lines:
    def read(name: str) -> list[str]:
        return (DATA / name).read_text(encoding="utf-8").split("\n")[:-1]

    return {name: list(zip(read(f"{name}.ko"), read(f"{name}.en"), strict=True)) for name in SETS}


@pytest.fixture(scope="module")
def everything(lines: Lines) -> list[tuple[str, str]]:
    return lines["train"] + lines["valid"] + lines["test"]


def tokens(text: str) -> list[str]:
    return re.findall(r"[0-9]|[^\s.,?!\"“”0-9]+", text)


def unmarked(text: str) -> str:
    """A line in lower case without its final marks, which is the sentence itself."""
    return re.sub(r"[.?!\"”]+$", "", text).lower()


def is_sentence(line: tuple[str, str]) -> bool:
    """Whether a line ends in a predicate (다, 니, 요 or 까), which titles and single words do not."""
    return bool(re.search(r"[다니요까]$", unmarked(line[0]))) and " " in line[0]


# the files


def test_the_program_writes_the_committed_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["make_corpus.py", "--out", str(tmp_path)])
    make_corpus.main()
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == sorted(["test.links", *(f"{name}.{language}" for name in SETS for language in ("ko", "en"))])
    for name in written:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes(), name


def test_the_sets_have_their_sizes_and_stay_small(lines: Lines) -> None:
    assert {name: len(pairs) for name, pairs in lines.items()} == SETS
    assert sum((DATA / f"{name}.{language}").stat().st_size for name in SETS for language in ("ko", "en")) < 4e6


def test_no_line_is_in_two_sets_in_either_language_whatever_mark_ends_it(lines: Lines) -> None:
    names = ("train", "valid", "test", "notes")
    for side in (0, 1):
        sets = {name: {unmarked(pair[side]) for pair in lines[name]} for name in names}
        for first, second in itertools.combinations(names, 2):
            assert not sets[first] & sets[second], (first, second)


def test_one_korean_sentence_comes_once_with_one_english(everything: list[tuple[str, str]]) -> None:
    assert len({unmarked(ko) for ko, _ in everything}) == len(everything)


def test_the_notes_are_twelve_sentences_as_written_and_with_a_stop(lines: Lines) -> None:
    without, stopped = lines["notes"][::2], lines["notes"][1::2]
    assert stopped == [(ko + ".", en + ".") for ko, en in without]
    assert len(set(without)) == 12
    assert {("나는 집에 간다", "I go home"), ("나는 학생이다", "I am a student")} <= set(without)


def test_every_word_of_the_notes_is_well_known_from_training(lines: Lines) -> None:
    for side in (0, 1):
        counts = Counter(word for pair in lines["train"] for word in tokens(pair[side]))
        assert min(counts[word] for pair in lines["notes"] for word in tokens(pair[side])) >= 5


def test_the_lines_are_normalized_and_have_no_space_too_many(everything: list[tuple[str, str]]) -> None:
    for text in itertools.chain.from_iterable(everything):
        assert unicodedata.is_normalized("NFC", text)
        assert text == " ".join(text.split())


@pytest.mark.parametrize(
    ("kind", "share", "pattern"),
    [
        ("no final mark", 0.24, r"[^.?!\"”]$"),
        ("a statement without a mark", 0.2, r"다$|요$"),
        ("a question without a mark", 0.01, r"니$|까$"),
        ("an exclamation mark", 0.025, r"!$"),
        ("plain", 0.35, r"[다니][.?!]?$"),
        ("polite", 0.2, r"요[.?!]?$"),
        ("formal", 0.1, r"니[다까][.?!]?$"),
        ("first person, polite, and not humble", 0.005, r"(^| )나는 .*요[.?!]?$"),
        ("a digit", 0.08, r"\d"),
        ("digits that count", 0.03, r"\d(개|권|마리|벌|장|송이|자루)"),
        ("an age in digits", 0.003, r"\d살"),
        ("an hour in digits", 0.01, r"\d시에"),
        ("number words", 0.02, r" (한|두|세|네|다섯) (개|권|마리|벌|장|송이|자루)"),
        ("quotes", 0.03, r"[\"“].*[\"”]라고 "),
        ("typographic quotes", 0.005, r"“.*”라고 "),
        ("an answer or a greeting", 0.02, r"^(네|예|아니요|안녕하세요),"),
        ("one word", 0.009, r"^\S+$"),
        ("sentences beside each other, with no word between", 0.08, r"다\. (?!그리고)\S|요\. (?!그리고)\S"),
    ],
)
def test_training_has_the_variety_of_real_text(lines: Lines, kind: str, share: float, pattern: str) -> None:
    matching = sum(bool(re.search(pattern, ko)) for ko, _ in lines["train"])
    assert matching >= share * len(lines["train"]), f"{kind}: {matching}"


def test_training_has_titles_and_words_that_are_no_sentences(lines: Lines) -> None:
    fragments = [line for line in lines["train"] if not is_sentence(line)]
    assert len(fragments) >= 0.04 * len(lines["train"])
    for ko, en in fragments:  # an English sentence begins with a capital, and so does a fragment that ends in a mark
        assert en[0].islower() == (ko[-1] not in ".?!" and not re.match(r"\d|" + "|".join(NAMED), en)), en
    assert {("네", "Yes"), ("예", "Yes"), ("아니요", "No")} <= {
        (unmarked(ko), en.rstrip(".?!")) for ko, en in fragments
    }


def test_an_english_sentence_begins_with_a_capital_and_what_is_joined_to_it_does_not(
    everything: list[tuple[str, str]],
) -> None:
    for _, en in everything:
        assert not re.search(r"[.?!] [a-z]|, (And|But) ", en), en


def test_both_languages_end_in_the_same_mark_unless_words_are_quoted(everything: list[tuple[str, str]]) -> None:
    for ko, en in everything:
        if not re.search(r"[\"“]", ko):
            assert re.search(r"[.?!]?$", ko)[0] == re.search(r"[.?!]?$", en)[0], ko  # type: ignore[index]


def test_numbers_in_digits_are_the_same_in_both_languages(everything: list[tuple[str, str]]) -> None:
    for ko, en in everything:
        assert sorted(re.findall(r"\d+", ko)) == sorted(re.findall(r"\d+", en)), ko


def test_a_quotation_has_one_pair_of_quotes_and_one_mark_in_english(everything: list[tuple[str, str]]) -> None:
    quoting = 0
    for ko, en in everything:
        if re.search(r"[\"“”]", ko):
            assert re.fullmatch(r'[^"“”]+ (".+"|“.+”)라고 (말|물|묻)[^"“”]+', ko), ko
            assert re.fullmatch(r'[^"“”]+ (say|says|said|ask|asks|asked), ("[^"]+"|“[^”]+”)', en), en
            assert bool(re.search(r" ask(s|ed)?, .", en)) == bool(re.search(r'\?["”]', en)), en
            quoting += 1
    assert quoting >= 400


def test_every_single_word_has_one_english() -> None:
    words = grammar_lines.WORDS
    assert len({phrase.ko for phrase in words}) == len(words)
    english_of = {phrase.ko: phrase.en for phrase in words}
    expected = (
        "사과=an apple|물=water|선생님=a teacher|어머니=mother|민수=Minsu|서울=Seoul|도서관=a library|내일=tomorrow"
    )
    assert dict(pair.split("=") for pair in f"{expected}|천천히=slowly|네=Yes".split("|")).items() <= english_of.items()


def test_the_english_has_at_most_40_words_and_every_length_is_tested(lines: Lines) -> None:
    for name, pairs in lines.items():
        assert max(len(en.split()) for _, en in pairs) <= 40, name
    tested = Counter(len(en.split()) for _, en in lines["test"])
    assert sum(count for length, count in tested.items() if length > 30) >= 80
    for low in range(1, 36, 4):
        assert sum(tested[length] for length in range(low, low + 4)) >= 30, low


def test_every_word_of_the_test_is_well_known_from_training(lines: Lines) -> None:
    for side in (0, 1):
        counts = Counter(word for pair in lines["train"] for word in tokens(pair[side]))
        rare = {word for pair in lines["test"] for word in tokens(pair[side]) if counts[word] < 10}
        assert not rare


# the unseen combinations


def surfaces(word: str) -> set[str]:
    """All written forms of a word of the lexicon."""
    forms = {word, word.removesuffix("다") + "지", word.removesuffix("다") + "고", hangul.with_and(word)}
    predicates: list[lexicon.Verb | lexicon.Adjective] = [*lexicon.ALL_VERBS, *lexicon.ALL_ADJECTIVES]
    stems = [predicate.stem for predicate in predicates if predicate.ko == word]
    for stem in stems:
        forms.add(korean.attributive(stem))
        for ending in korean.ENDINGS:
            tenses = ["present", "past"] + (["future"] if ending not in ("because", "if", "when") else [])
            forms |= {korean.conjugate(stem, tense, ending).split()[0] for tense in tenses}
    if not stems:
        particles = "은 는 이 가 을 를 에 에서 에게 에게서 의".split()  # noqa: SIM905
        forms |= {word + particle for particle in particles}
        forms |= {
            korean.copula(word, tense, ending).split()[0]
            for tense in ("present", "past")
            for ending in (*korean.FINAL, "and", "but")
        }
        forms |= {korean.copula(word, "present", ending) for ending in ("because", "if")}
        forms.add(korean.copula(word, "past", "when").split()[0])
    return forms


def test_the_unseen_lines_join_words_that_are_known_but_never_met_together(lines: Lines) -> None:
    assert lines["test"][-300:] == lines["test-unseen"]
    held_out = make_corpus.Corpus().held_out
    forms = {word: surfaces(word) for pair in held_out for word in pair}
    where: dict[str, set[int]] = defaultdict(set)
    known = lines["train"] + lines["valid"]
    for number, (ko, _) in enumerate(known):
        for token in tokens(re.sub("물을 (것|거)", "묻다", ko)):  # 'will ask', no water
            where[token].add(number)
    actual = {word: set().union(*(where[form] for form in forms[word] if form in where)) for word in forms}
    for first, second in held_out:
        assert len(actual[first]) >= 20, first
        assert len(actual[second]) >= 20, second
        assert not actual[first] & actual[second], (first, second)
    for ko, _ in lines["test-unseen"]:
        here = set(tokens(ko))
        assert any(forms[first] & here and forms[second] & here for first, second in held_out), ko


# how hard it is


def test_the_nearest_training_sentence_is_a_poor_translation(lines: Lines) -> None:
    """The nearest sentence has the highest Jaccard index of character bigrams."""

    def bigrams(text: str) -> set[str]:
        return {text[index : index + 2] for index in range(len(text) - 1)}

    train = lines["train"]
    sets = [bigrams(ko) for ko, _ in train]
    postings: dict[str, list[int]] = defaultdict(list)
    for number, grams in enumerate(sets):
        for gram in grams:
            postings[gram].append(number)
    arrays = {gram: np.array(numbers) for gram, numbers in postings.items()}
    sizes = np.array([len(grams) for grams in sets])
    guesses = []
    for ko, _ in lines["test"]:
        grams = bigrams(ko)
        shared = np.bincount(np.concatenate([arrays[gram] for gram in grams if gram in arrays]), minlength=len(train))
        guesses.append(train[int(np.argmax(shared / (sizes + len(grams) - shared)))][1])
    assert sacrebleu.corpus_bleu(guesses, [[en for _, en in lines["test"]]]).score <= 50


# the languages


def test_particles_agree_with_the_final_consonant(everything: list[tuple[str, str]]) -> None:
    words = {noun.ko for noun in lexicon.ALL_NOUNS} | {noun.counter for noun in lexicon.ALL_NOUNS if noun.counter}
    words |= {word.ko for word in phrases.NAMES + phrases.PEOPLE + phrases.FAMILY}
    words |= {"그", "그녀", "그들", "우리", "나", "너", "저", "당신", "무엇", "누구", "날씨", "비", "눈"}
    after_consonant, after_vowel = set("은이을과"), set("는가를와")
    checked = 0
    for ko, _ in everything:
        for token in tokens(ko):
            noun, particle = token[:-1], token[-1]
            if noun in words and particle in after_consonant | after_vowel:
                closed = len(unicodedata.normalize("NFD", noun[-1])) == 3
                assert particle in (after_consonant if closed else after_vowel), token
                checked += 1
    assert checked > 50_000


def test_articles_follow_the_sound(everything: list[tuple[str, str]]) -> None:
    spelled_with_a_vowel = {"uniform", "university"}
    after: dict[str, set[str]] = {"a": set(), "an": set()}
    for _, en in everything:
        for article, word in re.findall(r"\b(an?) (\w+)", en):
            after[article].add(word)
    assert {word for word in after["a"] if word[0] in "aeiouAEIOU"} <= spelled_with_a_vowel
    assert {word for word in after["an"] if word[0] not in "aeiou"} == set()
    assert {"apple", "egg", "orange", "engineer", "artist", "umbrella", "expensive"} <= after["an"]


def test_english_verbs_agree_and_auxiliaries_take_the_base_form(everything: list[tuple[str, str]]) -> None:
    bases = {verb.en.split()[0] for verb in lexicon.ALL_VERBS} | {"be", "become", "rain", "snow"}
    wrong = re.compile(r"\b(he|she|it) (am|are|were)\b|\b(we|you|they) (am|is|was|does)\b|\bI (is|are|were|does)\b")
    for _, en in everything:
        assert not wrong.search(re.sub(r"^\w", lambda first: first[0].lower(), en)), en
        for verb in re.findall(r"\b(?:do|does|did|will) not (\w+)", en):
            assert verb in bases, en
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9' ,.?!\"“”]*", en), en
        assert not re.search(r"[.,?!]{2}|(?<! )[“]|\d[A-Za-z]", en), en


def test_times_agree_with_tenses_in_simple_sentences(everything: list[tuple[str, str]]) -> None:
    for ko, en in everything:
        if not is_sentence((ko, en)) or re.search(r"[,.].|\b(if|when|because|and)\b", en[:-1] + ".", re.IGNORECASE):
            continue
        verb = ko.split()[-1]
        past = "\u11bb" in unicodedata.normalize("NFD", verb)  # the final ㅆ of 갔다
        future = verb.startswith(("것이다", "것입니", "거니", "거예요"))
        if re.search(r"\b(yesterday|last \w+)\b", en):
            assert past, ko
            assert not future, ko
        if re.search(r"(?<!after )\btomorrow\b|\bnext (week|month|year)\b", en):
            assert future, ko
        if re.search(r"\bevery (day|week|morning|night|weekend)\b", en):
            assert not future, ko
            assert not past, ko


VERBS = """
가       -  present plain 간다 | present ask 가니 | present polite 가요 | past plain 갔다
가       -  past polite 갔어요
가       -  future plain 갈_것이다 | future polite 갈_거예요 | future ask 갈_거니 | present because 가서
가       -  present if 가면 | present formal 갑니다 | present formal_ask 갑니까 | past formal 갔습니다
가       -  past formal_ask 갔습니까 | future formal 갈_것입니다 | future formal_ask 갈_것입니까
먹       -  present formal 먹습니다 | past formal 먹었습니다 | future formal 먹을_것입니다
먹       -  present plain 먹는다 | present polite 먹어요 | past plain 먹었다 | future plain 먹을_것이다
먹       -  present if 먹으면
먹       -  present because 먹어서 | present when 먹을_때 | past when 먹었을_때 | past ask 먹었니
먹       -  past and 먹었고
오       -  present plain 온다 | present polite 와요 | past plain 왔다 | present because 와서
오       -  present when 올_때
마시     -  present polite 마셔요 | past plain 마셨다 | present plain 마신다 | future plain 마실_것이다
배우     -  present polite 배워요 | past plain 배웠다 | present plain 배운다 | present if 배우면
주       -  present polite 줘요 | past plain 줬다 | present plain 준다
보내     -  present polite 보내요 | past plain 보냈다 | present plain 보낸다 | present because 보내서
보       -  present polite 봐요 | past plain 봤다 | present plain 본다
쉬       -  present polite 쉬어요 | past plain 쉬었다 | present plain 쉰다
되       -  present polite 돼요 | past plain 됐다 | future plain 될_것이다
공부하   -  present plain 공부한다 | present polite 공부해요 | past plain 공부했다 | present because 공부해서
쓰       -  present plain 쓴다 | present polite 써요 | past plain 썼다 | present because 써서
쓰       -  future plain 쓸_것이다
만들     -  present plain 만든다 | present polite 만들어요 | present ask 만드니 | present if 만들면
만들     -  future plain 만들_것이다 | present formal 만듭니다 | present formal_ask 만듭니까
놀       -  present plain 논다 | past plain 놀았다 | present and 놀고 | present but 놀지만
놀       -  present when 놀_때
살       -  present plain 산다 | present ask 사니 | past plain 살았다 | present if 살면
닫       -  present plain 닫는다 | present polite 닫아요 | present if 닫으면
믿       -  present polite 믿어요 | past plain 믿었다
웃       -  present plain 웃는다 | present polite 웃어요 | present if 웃으면
듣       ㄷ present plain 듣는다 | present polite 들어요 | past plain 들었다 | present if 들으면
듣       ㄷ future plain 들을_것이다 | present formal 듣습니다 | past formal 들었습니다
걷       ㄷ present plain 걷는다 | present polite 걸어요 | past plain 걸었다 | present when 걸을_때
걷       ㄷ present but 걷지만
돕       ㅂ present plain 돕는다 | present polite 도와요 | past plain 도왔다 | present if 도우면
돕       ㅂ future plain 도울_것이다
눕       ㅂ present plain 눕는다 | present polite 누워요 | past plain 누웠다 | present if 누우면
짓       ㅅ present plain 짓는다 | present polite 지어요 | past plain 지었다 | present if 지으면
짓       ㅅ future plain 지을_것이다
부르     르 present plain 부른다 | present polite 불러요 | past plain 불렀다 | present if 부르면
부르     르 prpresent because 불러서
자르     르 present polite 잘라요 | past plain 잘랐다 | present when 자를_때
모르     르 present plain 모른다 | present polite 몰라요 | past plain 몰랐다
"""
ADJECTIVES = """
예쁘     -  present plain 예쁘다 | present polite 예뻐요 | past plain 예뻤다 | present because 예뻐서
예쁘     -  present if 예쁘면
바쁘     -  present polite 바빠요 | past plain 바빴다
크       -  present plain 크다 | present polite 커요 | past plain 컸다
예쁘     -  present formal 예쁩니다 | past formal 예뻤습니다
작       -  present formal 작습니다
작       -  present plain 작다 | present polite 작아요 | present if 작으면
어렵     ㅂ present plain 어렵다 | present polite 어려워요 | past plain 어려웠다 | present if 어려우면
아름답   ㅂ present polite 아름다워요 | past plain 아름다웠다
길       -  present plain 길다 | present ask 기니 | present polite 길어요 | present if 길면
빠르     르 present plain 빠르다 | present polite 빨라요 | past plain 빨랐다
있       -  present plain 있다 | present polite 있어요 | past plain 있었다 | future plain 있을_것이다
있       -  present when 있을_때
"""


def rows(table: str, kind: str) -> list[tuple[Stem, str, str, str]]:
    actual = []
    for line in table.strip().splitlines():
        text, irregular, forms = line.split(maxsplit=2)
        stem = Stem(text, irregular.strip("-"), kind)
        for form in forms.split("|"):
            tense, ending, expected = form.split()
            actual.append((stem, tense, ending.replace("_", " "), expected.replace("_", " ")))
    return actual


@pytest.mark.parametrize(("stem", "tense", "ending", "expected"), rows(VERBS, "verb") + rows(ADJECTIVES, "adjective"))
def test_conjugation_agrees_with_a_table_written_by_hand(stem: Stem, tense: str, ending: str, expected: str) -> None:
    assert korean.conjugate(stem, tense, ending) == expected


@pytest.mark.parametrize(
    ("noun", "tense", "ending", "positive", "negative"),
    [
        ("학생", "present", "plain", "학생이다", "학생이 아니다"),
        ("의사", "present", "plain", "의사다", "의사가 아니다"),
        ("학생", "present", "polite", "학생이에요", "학생이 아니에요"),
        ("의사", "present", "polite", "의사예요", "의사가 아니에요"),
        ("학생", "past", "plain", "학생이었다", "학생이 아니었다"),
        ("의사", "past", "polite", "의사였어요", "의사가 아니었어요"),
        ("학생", "present", "formal", "학생입니다", "학생이 아닙니다"),
        ("의사", "present", "formal ask", "의사입니까", "의사가 아닙니까"),
        ("학생", "past", "formal", "학생이었습니다", "학생이 아니었습니다"),
        ("의사", "past", "formal", "의사였습니다", "의사가 아니었습니다"),
        ("학생", "present", "because", "학생이라서", "학생이 아니라서"),
        ("의사", "present", "if", "의사면", "의사가 아니면"),
        ("의사", "past", "when", "의사였을 때", "의사가 아니었을 때"),
    ],
)
def test_the_copula_drops_its_vowel_after_a_vowel(
    noun: str, tense: str, ending: str, positive: str, negative: str
) -> None:
    assert korean.copula(noun, tense, ending) == positive
    assert korean.copula(noun, tense, ending, negative=True) == negative


@pytest.mark.parametrize(
    ("stem", "negation", "progressive", "expected"),
    [
        (Stem("가"), "short", False, "안 간다"),
        (Stem("가"), "long", False, "가지 않는다"),
        (Stem("크", kind="adjective"), "long", False, "크지 않다"),
        (Stem("듣", "ㄷ"), "", True, "듣고 있다"),
        (Stem("읽"), "short", True, "안 읽고 있다"),
        (Stem("읽"), "long", True, "읽고 있지 않다"),
    ],
)
def test_negation_and_progressive_stand_around_the_stem(
    stem: Stem, negation: str, progressive: bool, expected: str
) -> None:
    assert korean.predicate(stem, "present", "plain", negation, progressive) == expected


def test_adjectives_before_nouns_agree_with_a_table_written_by_hand() -> None:
    expected = "예쁜 큰 작은 좋은 비싼 맛있는 재미있는 어려운 쉬운 무거운 긴 짧은 빠른 깨끗한 더러운 아름다운"
    forms = {korean.attributive(adjective.stem) for adjective in lexicon.ALL_ADJECTIVES}
    assert set(expected.split()) <= forms


@pytest.mark.parametrize(
    ("base", "third", "past", "participle"),
    [
        ("go", "goes", "went", "going"),
        ("study", "studies", "studied", "studying"),
        ("play", "plays", "played", "playing"),
        ("watch", "watches", "watched", "watching"),
        ("make", "makes", "made", "making"),
        ("run", "runs", "ran", "running"),
        ("swim", "swims", "swam", "swimming"),
        ("lie", "lies", "lay", "lying"),
        ("fix", "fixes", "fixed", "fixing"),
        ("cut", "cuts", "cut", "cutting"),
        ("listen", "listens", "listened", "listening"),
    ],
)
def test_english_inflection_agrees_with_a_table_written_by_hand(
    base: str, third: str, past: str, participle: str
) -> None:
    assert (english.third(base), english.past(base), english.participle(base)) == (third, past, participle)


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("box", "boxes"),
        ("story", "stories"),
        ("toy", "toys"),
        ("potato", "potatoes"),
        ("photo", "photos"),
        ("child", "children"),
        ("woman", "women"),
        ("younger brother", "younger brothers"),
    ],
)
def test_english_plurals_agree_with_a_table_written_by_hand(one: str, many: str) -> None:
    assert english.plural(one) == many


# the demo


def test_the_demo_shows_every_sentence_of_the_notes_in_80_columns(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.en"
    wrong.write_text(
        (DATA / "notes.en").read_text(encoding="utf-8").replace("like cats\n", "like cat\n"), encoding="utf-8"
    )
    command: list[str | Path] = [
        sys.executable,
        DATA / "recipes" / "show.py",
        DATA / "notes.ko",
        wrong,
        DATA / "notes.en",
        "--all",
    ]
    shown = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
    wide = [
        sum(2 if unicodedata.east_asian_width(character) == "W" else 1 for character in line)
        for line in shown.split("\n")
    ]
    assert max(wide) <= 80
    for ko in (DATA / "notes.ko").read_text(encoding="utf-8").splitlines():
        assert f"  {ko} " in shown
    assert re.search(r" 나는 고양이를 좋아한다 +I like cat\n +reference +I like cats\n", shown)
    assert shown.endswith("23 of 24 translations are the same as the reference\n")


# the links


def test_links_name_words_and_leave_none_out(lines: Lines) -> None:
    for (ko, en), line in zip(lines["test"], (DATA / "test.links").read_text().splitlines(), strict=True):
        links = [tuple(map(int, re.split("[-p]", link))) for link in line.split()]
        assert len(set(links)) == len(links)
        assert {link[0] for link in links} == set(range(len(ko.split()))), ko
        assert {link[1] for link in links} == set(range(len(en.split()))), ko


def test_marks_change_neither_the_number_nor_the_order_of_words() -> None:
    lines = grammar_lines.Lines(Dice(1))
    for number in range(500):
        line = lines.line(1 + number % 5)
        for marked, plain in zip(grammar_links.marked_line(line).render(), line.render(), strict=True):
            bare = grammar_links.MARK.sub("", marked).lower().split()
            same = [left == right for left, right in zip(bare, plain.lower().split(), strict=True)]
            # Marked pronouns are not recognised: 나가 for 내가.
            assert sum(same) >= len(same) - plain.count("가"), (marked, plain)


BY_HAND = {  # = for sure links, ~ for possible ones
    "그는 안 쉰다": "그는=He 안=not 안~does 안~rest 쉰다=rest 쉰다~does 쉰다~not",
    "식탁 아래의 우산": "식탁=table 식탁~the 아래의=under 우산=umbrella 우산~an",
    "그들은 빵집에서 감자 네 개를 구웠다.": "그들은=They 빵집에서=at 빵집에서=bakery. 빵집에서~the 감자=potatoes "
    "네=four 개를~four 개를~potatoes 구웠다.=baked",
    "너는 체육관에 있어서 토요일에 일할 것이다.": "너는=you 너는~You 체육관에=at 체육관에=gym. 체육관에~the "
    "있어서=because 있어서=are 토요일에=on 토요일에=Saturday 일할=work 일할~will 것이다.=will 것이다.~work",
}


def test_links_are_those_written_by_hand(lines: Lines) -> None:
    every = dict(zip(lines["test"], (DATA / "test.links").read_text().splitlines(), strict=True))
    for (ko, en), links in every.items():
        if ko in BY_HAND:
            pairs = [re.split("([-p])", link) for link in links.split()]
            words = {f"{ko.split()[int(i)]}{'=~'['-p'.index(sign)]}{en.split()[int(j)]}" for i, sign, j in pairs}
            assert words == set(BY_HAND[ko].split())
    assert set(BY_HAND) <= {ko for ko, _ in every}


def test_a_word_that_could_be_two_is_refused() -> None:
    book = lexicon.ALL_NOUNS[[noun.ko for noun in lexicon.ALL_NOUNS].index("책")]
    twice = Phrase(f"{book.ko} {book.ko}", "a book book")
    with pytest.raises(ValueError, match="책"):
        grammar_links.links(Fragment(twice))
