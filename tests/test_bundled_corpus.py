"""The bundled corpus: what its files hold, and the grammar that writes them."""

import re
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
from grammar import english, korean, lexicon, phrases  # noqa: E402
from grammar.korean import Stem  # noqa: E402

SETS = {"train": 16000, "valid": 500, "test": 1000, "test-unseen": 300}
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
    return re.findall(r"[^\s.,?]+", text)


# the files


def test_the_program_writes_the_committed_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["make_corpus.py", "--out", str(tmp_path)])
    make_corpus.main()
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == sorted(f"{name}.{language}" for name in SETS for language in ("ko", "en"))
    for name in written:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes(), name


def test_the_sets_have_their_sizes_and_stay_small(lines: Lines) -> None:
    assert {name: len(pairs) for name, pairs in lines.items()} == SETS
    assert sum((DATA / f"{name}.{language}").stat().st_size for name in SETS for language in ("ko", "en")) < 4e6


def test_no_line_of_test_or_valid_is_in_training_in_either_language(lines: Lines) -> None:
    for side in (0, 1):
        train, valid, test = ([pair[side] for pair in lines[name]] for name in ("train", "valid", "test"))
        assert not set(train) & set(test)
        assert not set(train) & set(valid)
        assert not set(valid) & set(test)


def test_one_korean_sentence_comes_once_with_one_english(everything: list[tuple[str, str]]) -> None:
    assert len({ko for ko, _ in everything}) == len(everything)


def test_the_english_has_3_to_40_words_and_every_length_is_tested(lines: Lines) -> None:
    for name, pairs in lines.items():
        lengths = Counter(len(en.split()) for _, en in pairs)
        assert min(lengths) >= 3, name
        assert max(lengths) <= 40, name
    tested = Counter(len(en.split()) for _, en in lines["test"])
    assert min(tested) == 3
    assert sum(count for length, count in tested.items() if length > 30) >= 80
    for low in range(3, 36, 4):
        assert sum(tested[length] for length in range(low, low + 4)) >= 40, low


def test_every_word_of_the_test_is_well_known_from_training(lines: Lines) -> None:
    for side in (0, 1):
        counts = Counter(word for pair in lines["train"] for word in tokens(pair[side]))
        rare = {word for pair in lines["test"] for word in tokens(pair[side]) if counts[word] < 10}
        assert not rare


# the unseen combinations


def surfaces(word: str) -> set[str]:
    """Every written form in which a word of the lexicon may be met."""
    forms = {word, word.removesuffix("다") + "지", word.removesuffix("다") + "고"}
    predicates: list[lexicon.Verb | lexicon.Adjective] = [*lexicon.ALL_VERBS, *lexicon.ALL_ADJECTIVES]
    stems = [one.stem for one in predicates if one.ko == word]
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
            for ending in korean.ENDINGS[:5]
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
        for token in tokens(ko):
            where[token].add(number)
    found = {word: set().union(*(where[form] for form in forms[word] if form in where)) for word in forms}
    for first, second in held_out:
        assert len(found[first]) >= 20, first
        assert len(found[second]) >= 20, second
        assert not found[first] & found[second], (first, second)
    for ko, _ in lines["test-unseen"]:
        here = set(tokens(ko))
        assert any(forms[first] & here and forms[second] & here for first, second in held_out), ko


# how hard it is


def test_the_nearest_training_sentence_is_a_poor_translation(lines: Lines) -> None:
    """Nearest: the highest Jaccard index of character bigrams."""

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
    after_consonant, after_vowel = set("은이을"), set("는가를")
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
    bases = {one.en.split()[0] for one in lexicon.ALL_VERBS} | {"be", "become", "rain", "snow"}
    wrong = re.compile(r"\b(he|she|it) (am|are|were)\b|\b(we|you|they) (am|is|was|does)\b|\bI (is|are|were|does)\b")
    for _, en in everything:
        assert not wrong.search(re.sub(r"^\w", lambda first: first[0].lower(), en)), en
        for verb in re.findall(r"\b(?:do|does|did|will) not (\w+)", en):
            assert verb in bases, en
        assert re.fullmatch(r"[A-Z][A-Za-z' ,.]*[.?]", en), en


def test_times_agree_with_tenses_in_simple_sentences(everything: list[tuple[str, str]]) -> None:
    for ko, en in everything:
        if re.search(r"[,.].|\b(if|when|because|and)\b", en[:-1] + ".", re.IGNORECASE):
            continue
        verb = ko.split()[-1]
        past = "\u11bb" in unicodedata.normalize("NFD", verb)  # the final ㅆ of 갔다
        future = verb.startswith(("것이다", "거니", "거예요"))
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
가       -  present if 가면
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
만들     -  future plain 만들_것이다
놀       -  present plain 논다 | past plain 놀았다 | present and 놀고 | present but 놀지만
놀       -  present when 놀_때
살       -  present plain 산다 | present ask 사니 | past plain 살았다 | present if 살면
닫       -  present plain 닫는다 | present polite 닫아요 | present if 닫으면
믿       -  present polite 믿어요 | past plain 믿었다
웃       -  present plain 웃는다 | present polite 웃어요 | present if 웃으면
듣       ㄷ present plain 듣는다 | present polite 들어요 | past plain 들었다 | present if 들으면
듣       ㄷ future plain 들을_것이다
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
작       -  present plain 작다 | present polite 작아요 | present if 작으면
어렵     ㅂ present plain 어렵다 | present polite 어려워요 | past plain 어려웠다 | present if 어려우면
아름답   ㅂ present polite 아름다워요 | past plain 아름다웠다
길       -  present plain 길다 | present ask 기니 | present polite 길어요 | present if 길면
빠르     르 present plain 빠르다 | present polite 빨라요 | past plain 빨랐다
있       -  present plain 있다 | present polite 있어요 | past plain 있었다 | future plain 있을_것이다
있       -  present when 있을_때
"""


def rows(table: str, kind: str) -> list[tuple[Stem, str, str, str]]:
    found = []
    for line in table.strip().splitlines():
        text, irregular, forms = line.split(maxsplit=2)
        stem = Stem(text, irregular.strip("-"), kind)
        for form in forms.split("|"):
            tense, ending, expected = form.split()
            found.append((stem, tense, ending, expected.replace("_", " ")))
    return found


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
    forms = {korean.attributive(one.stem) for one in lexicon.ALL_ADJECTIVES}
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
