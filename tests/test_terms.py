"""Terms of a glossary in texts: what is found, against brute force, and what counts as their translation."""

import gzip
import random
import sys
from pathlib import Path

import pytest

from nmt.errors import DataError, MissingInputError
from nmt.text.annotations import annotated, are_added, without_added
from nmt.text.edges import OPEN, edge, joins
from nmt.text.stems import algorithm, inflection, stemmer, stems_by
from nmt.text.term_forms import Term, words_of
from nmt.text.terms import LONGEST, Glossary, read_glossary

pytest.importorskip("snowballstemmer")


def found(terms: list[str], text: str, *languages: str, any_case: bool = False) -> list[tuple[str, str]]:
    """The terms in a text of some languages, English unless told, each with its words there."""
    glossary = Glossary([Term(term) for term in terms], languages or ("en",))
    hits = glossary.find(text, any_case)
    assert all(text[hit.start : hit.end] == hit.words for hit in hits)
    return [(hit.term.source, hit.words) for hit in hits]


@pytest.mark.parametrize(
    ("term", "text", "words"),
    [
        ("menu", "Open the Menu.", "Menu"),
        ("menu", "THE MENUS", "MENUS"),
        ("library", "both libraries", "libraries"),
        ("file system", "two file systems", "file systems"),
        ("file system", "the file-system", ""),
        ("menu", "a submenu", ""),
        ("menu", "menu_bar", ""),
        ("menu", "menu-bar", "menu"),
        ("setting", "set it", ""),
        ("setting", "Settings", "Settings"),
        ("US", "tell us", ""),
        ("US", "in the US.", "US"),
        ("PIN", "their PINs", "PINs"),
        ("PIN", "a pin", ""),
        ("C++", "in C++.", "C++"),
        ("...", "wait ... here", "..."),
        ("café", "two Cafés", "Cafés"),
        ("author", "the authority", ""),
        ("author", "its authors", "authors"),
        ("operator", "operate it", ""),
        ("import", "an important file", ""),
        ("import", "importing it", "importing"),
        ("physics", "a physical disk", ""),
        ("general", "generally", ""),
        ("copy", "two copies", "copies"),
        ("filing", "files", "files"),
        ("plan", "planned", "planned"),
    ],
)
def test_a_term_is_found_by_its_forms_and_not_in_other_words(term: str, text: str, words: str) -> None:
    assert found([term], text) == ([(term, words)] if words else [])


@pytest.mark.parametrize(
    ("language", "term", "text", "words"),
    [
        ("de", "Haus", "zwei Häuser", "Häuser"),
        ("de", "Menü", "des Menüs", "Menüs"),
        ("de", "temporäre Datei", "mit temporären Dateien", "temporären Dateien"),
        ("de", "App", "alle Apps", "Apps"),
        ("fr", "fichier temporaire", "des fichiers temporaires", "fichiers temporaires"),
        ("ko", "학교", "학교에서", "학교"),
        ("ko", "학교", "대학교에서", ""),
        ("ko", "새 폴더", "새 폴더를 연다", "새 폴더"),
        ("ko", "NASA", "NASA는", "NASA"),
        ("ko", "는", "NASA는", ""),
        ("zh", "机器", "用机器学习", "机器"),
        ("ja", "NASA", "私はNASAが好き", "NASA"),
        ("hi", "भाषा", "हिन्दी भाषा में", "भाषा"),
        ("xx", "भाष", "हिन्दी भाषाओं", ""),
        ("hi", "भाषा", "हिन्दी भाषाओं", "भाषाओं"),
        ("xx", "Foo", "a FOO, not foos", "FOO"),
    ],
)
def test_each_language_and_script_has_its_own_edges_and_forms(language: str, term: str, text: str, words: str) -> None:
    assert found([term], text, language) == ([(term, words)] if words else [])


@pytest.mark.parametrize("languages", [("de", "en", "tr"), ("ibo", "tr", "en", "de", "de_AT")])
@pytest.mark.parametrize(
    ("term", "text", "words"),
    [
        ("Katze", "Die Katzen schlafen.", "Katzen"),
        ("Haus", "in den Häusern", "Häusern"),
        ("library", "both libraries", "libraries"),
        ("kitap", "iki kitaplar", "kitaplar"),
        ("Foo", "a foo", "foo"),
        ("Katze", "a cat", ""),
    ],
)
def test_of_several_source_languages_each_ones_forms_are_found(
    languages: tuple[str, ...], term: str, text: str, words: str
) -> None:
    assert found([term], text, *languages) == ([(term, words)] if words else [])


def test_of_what_several_languages_find_the_longest_is_taken_and_then_what_is_written_so() -> None:
    assert found(["Haus", "Häusern am See"], "Häusern am See", "en", "de") == [("Häusern am See", "Häusern am See")]
    assert found(["Häuser", "Hauses"], "des Hauses", "de", "en") == [("Hauses", "Hauses")]
    one, other = (Glossary([Term("Katze")], each) for each in (("de", "en"), ("de", "de")))
    assert one.about() != other.about() == Glossary([Term("Katze")], ("de",)).about()


def test_the_leftmost_term_comes_first_and_of_those_the_longest() -> None:
    terms = ["file", "file system", "system check", "temporary file"]
    assert found(terms, "Temporary file systems, file system checks, files") == [
        ("temporary file", "Temporary file"),
        ("file system", "file system"),
        ("file", "files"),
    ]
    assert found(["폴더", "폴더명"], "폴더명을", "ko") == [("폴더명", "폴더명")]


def test_of_terms_with_one_stem_the_one_that_is_written_so_is_taken() -> None:
    assert found(["may", "May"], "In May you may, MAY") == [("May", "May"), ("may", "may"), ("may", "MAY")]
    assert found(["files", "file"], "a file, two files, Filed") == [
        ("file", "file"),
        ("files", "files"),
        ("files", "Filed"),
    ]


def test_a_text_that_lost_its_case_has_words_in_capitals_too() -> None:
    assert found(["PIN"], "enter your pin", any_case=True) == [("PIN", "pin")]


@pytest.mark.parametrize("language", ["", "en", "ko"])
def test_all_terms_are_where_a_slow_search_finds_them(language: str) -> None:
    chance = random.Random(5)
    letters = ["a", "b", "ab", "가", "가나", "猫", "-", "A", "é"]
    for _ in range(300):
        text = "".join(chance.choice([*letters, " ", " "]) for _ in range(14)).strip()
        terms = sorted({"".join(chance.choice([*letters, " "]) for _ in range(3)).strip() for _ in range(6)} - {""})
        terms = [term for term in terms if not any(len(w.text) > 1 and w.text.isupper() for w in words_of(term))]
        hits = Glossary([Term(term) for term in terms], (language,)).find(text)
        expected, at = [], 0
        while at < len(text):
            ends = [
                end
                for end in range(at + 1, len(text) + 1)
                if stands_alone(text, at, end) and any(are_forms(term, text[at:end], language) for term in terms)
            ]
            if ends:
                expected.append((at, max(ends)))
            at = max(ends, default=at + 1)
        assert [(hit.start, hit.end) for hit in hits] == expected, (text, terms)


def are_forms(term: str, text: str, language: str) -> bool:
    """Whether a text has the stems of a term, and words that are inflected forms of its words."""
    pairs = list(zip(words_of(term), words_of(text), strict=False))
    inflected = all(inflection(language)(word.text, other.text) for word, other in pairs)
    return stems_of(term, language) == stems_of(text, language) and inflected


def stems_of(text: str, language: str) -> list[str]:
    return [stemmer(language)(word.text) for word in words_of(text)]


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a part of a text is no part of longer words, by the rule of phrases."""
    inside = start > 0 and edge(text[start - 1]) != OPEN and edge(text[start]) != OPEN
    return text[start:end].strip() == text[start:end] and not inside and not joins(text[end - 1], text[end : end + 1])


@pytest.mark.parametrize(
    ("target", "text", "form"),
    [
        ("Menü", "Öffnen Sie das Menü.", "Menü"),
        ("Menü", "die MENÜS", "MENÜS"),
        ("Bediener", "die Bedienung", ""),
        ("Benutzer", "des Benutzers", "Benutzers"),
        ("Haus", "zwei Häuser", "Häuser"),
        ("temporäre Datei", "In temporären Dateien steht", "temporären Dateien"),
        ("Datei", "das Dateisystem", "Dateisystem"),
        ("Datei", "die System-Datei", "Datei"),
        ("PIN", "in der Pinnwand", ""),
    ],
)
def test_an_inflected_translation_counts(target: str, text: str, form: str) -> None:
    glossary = Glossary([Term("x", (target,))], ("en",), "de")
    assert glossary.form_in(glossary.find("x")[0], text) == form


@pytest.mark.parametrize(
    ("noun", "text", "form"),
    [
        ("Menü", "Ein Menüeintrag.", "Menüeintrag"),
        ("Eintrag", "Die Menüeinträge.", "Menüeinträge"),
        ("Zeile", "Am Zeilenende.", "Zeilenende"),
        ("Adresse", "Das Adressbuch.", "Adressbuch"),
        ("Gerät", "Die Geräteliste", "Geräteliste"),
        ("Datei", "Der Dateityp und die Datei", "Datei"),  # the word itself comes first
        ("Feld", "Eingabefelder", "Eingabefelder"),
        ("Druck", "Ein Ausdruck.", ""),
        ("Zeit", "Eine Zeitung.", ""),
        ("Beispiel", "Beispielsweise", ""),
        ("Art", "Beim Start.", ""),
        ("Form", "Ein Formular.", ""),
        ("Wert", "wertvolle Bewertungen", ""),
        ("Liste", "Ein Ist", ""),
    ],
)
def test_a_german_compound_has_the_noun_at_its_ends(noun: str, text: str, form: str) -> None:
    glossary = Glossary.of({"x": noun}, ("en",), "de")
    (found,) = glossary.find("x")
    assert glossary.form_in(found, text) == form
    assert Glossary.of({"x": noun}, ("de",), "nl").form_in(found, text) in ("", "Datei")


def test_a_korean_translation_may_have_a_particle_and_any_of_several_will_do() -> None:
    glossary = Glossary([Term("folder", ("디렉터리", "새 폴더"))], ("en",), "ko")
    (hit,) = glossary.find("The folder")
    assert glossary.form_in(hit, "새 폴더를 엽니다") == "새 폴더"
    assert glossary.form_in(hit, "폴더를 엽니다") == ""
    assert glossary.form_in(hit, "새 폴더A를 엽니다") == ""


def test_what_stays_as_it_is_must_be_there_to_the_letter() -> None:
    glossary = Glossary([Term("make files")], ("en",), "de")
    (hit,) = glossary.find("Make file!")
    assert hit.targets == ("Make file",)
    assert [glossary.form_in(hit, text) for text in ("Make file", "a MAKE FILE", "MAKE FILE", "Make files")] == [
        "Make file",
        "",
        "MAKE FILE",
        "",
    ]


def test_languages_without_rules_have_whole_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [algorithm(code) for code in ("de", "deu", "de_AT", "ko", "")] == ["german"] * 3 + ["", ""]
    assert stems_by("de").startswith("german of snowballstemmer ")
    monkeypatch.setitem(sys.modules, "snowballstemmer", None)
    stemmer.cache_clear()
    try:
        assert (stemmer("de")("Häuser"), stems_by("de")) == ("häuser", "whole words")
    finally:
        stemmer.cache_clear()


def test_a_file_has_a_term_in_each_line(tmp_path: Path) -> None:
    text = "\ufeffmenu\tMenü\n\n \t \nGIMP\t\r\nfile  name\tDateiname\tName  der Datei\t\nmenu\tSpeisekarte\tMenü\n"
    expected = [Term("menu", ("Menü", "Speisekarte")), Term("GIMP"), Term("file name", ("Dateiname", "Name der Datei"))]
    (tmp_path / "terms.tsv").write_text(text, encoding="utf-8")
    (tmp_path / "terms.tsv.gz").write_bytes(gzip.compress(text.encode()))
    assert read_glossary(tmp_path / "terms.tsv") == read_glossary(tmp_path / "terms.tsv.gz") == expected
    mapping = {"menu": ["Menü", "Speisekarte"], "GIMP": [], "file name": ("Dateiname", "Name der Datei"), " ": "x"}
    one, other = (Glossary.of(given, ("en",), "de") for given in (tmp_path / "terms.tsv", mapping))
    assert one.terms == other.terms == expected
    assert one.about() == other.about() != Glossary(expected[:2], ("en",), "de").about()
    assert one.about() != Glossary.of(mapping, ("en",), "fr").about()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("menu", "line 2 has no tab: 'menu'"),
        ("\tMenü", "line 2 has no term before its tab"),
        ("menu\t" + "x" * (LONGEST + 1), f"line 2 has a term of {LONGEST + 1} characters"),
    ],
)
def test_a_line_that_is_no_term_is_named(line: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "bad.tsv").write_text(f"a\tb\n{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match=rf"bad\.tsv {words}"):
        read_glossary(tmp_path / "bad.tsv")
    with pytest.raises(MissingInputError):
        read_glossary(tmp_path / "none.tsv")


def test_a_line_takes_no_longer_with_more_terms_and_with_its_length_only_so() -> None:
    """Counted in look-ups, not in seconds."""

    class Counting(dict):  # type: ignore[type-arg]
        looked = 0

        def get(self, *key: object) -> object:
            Counting.looked += 1
            return super().get(*key)

    counts = []
    for terms, words in ((10, 100), (10_000, 100), (10, 1_000)):
        glossary = Glossary([Term(f"w{number} of x") for number in range(terms)])
        (forms,) = glossary._forms
        forms.by_stems = Counting(forms.by_stems)
        Counting.looked = 0
        glossary.find(" ".join(f"w{number} of" for number in range(words // 2)))
        counts.append(Counting.looked)
    assert counts[0] <= counts[1] <= 100
    assert counts[2] <= 10 * counts[0]


def test_translations_are_written_into_a_text_and_taken_out_again() -> None:
    text = "Open the menu, then the file"
    told = annotated(text, [(13, "Menü"), (28, "Datei")])
    assert told == "Open the menu\ufde0 Menü\ufde1, then the file\ufde0 Datei\ufde1"
    assert without_added(told) == text
    assert annotated(told, [(0, "x")]) == told
    pieces = ["menu", "\ufde0", " Me", "nü", "\ufde1", ","]
    assert are_added([piece.encode() for piece in pieces]) == [False, True, True, True, True, False]
