"""N lines in, N lines out: unusual lines from files and standard input, by a model and by engines that emit anything.

The command runs in this process, with a translator that is loaded once. ``python -m tests.torture.lines FILE`` writes
all unusual lines into a file, for `wc -l`.
"""

import io
import json
import random
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Literal

from nmt.cli.translate import translate
from nmt.config import SearchOptions
from nmt.decoding.engine import MAX_PIECES, Hypothesis, Query
from nmt.decoding.translator import Translator
from nmt.errors import DataError
from nmt.text.lines import one_line
from nmt.text.tokenizer import EOS, Tokenizer

from .tiny import tiny_model

BOM = b"\xef\xbb\xbf"
PLAIN = "나는 집에 간다.".encode()
ODD = {
    "carriage return": b"\r",
    "U+2028": "\u2028".encode(),
    "U+2029": "\u2029".encode(),
    "U+0085": "\x85".encode(),
    "form feed": b"\f",
    "vertical tab": b"\v",
    "separators of information": b"\x1c\x1d\x1e\x1f",
    "NUL": b"\0",
    "byte-order mark": BOM,
    "bytes of no character": b"\xff\xfe",
    "half a character": b"\xe3\x81",
    "overlong NUL": b"\xc0\x80",
    "surrogate": b"\xed\xa0\x80",
    "<s>": b"<s>",
    "</s>": b"</s>",
    "<unk> <pad>": b"<unk><pad>",
    "sign of a space": "▁ a▁b ▁▁".encode(),
    "<0x0A>": b"<0x0A>",
    "U+2028 as byte pieces": b"<0xE2><0x80><0xA8>",
    "nothing": b"",
    "white space": " \t\u3000\xa0\u2003".encode(),
    "zero width": "\u200b\u200d\u2060".encode(),
    "replacement and noncharacters": "\ufffd\ufdd0\U0010ffff".encode(),
    "over-long": "나는 집에 간다. 그는 “빨리” 온다! 龘靐麤爨鸞。".encode() * 30,
    "separators of formats": b'a\tb ||| c \\n {"',
}
PLACES = {"alone": (b"", b""), "amid text": (PLAIN + b" ", b"x " + PLAIN), "at the end": (PLAIN, b"")}
ENDINGS = ("LF", "CRLF", "no final newline", "BOM")
# What a byte fallback may spell: every line break of str.splitlines, and what is no character.
BREAKS = [text.encode() for text in ("\n", "\r\n", "\r", "\v", "\f", "\x1c\x1d\x1e", "\x85", "\u2028", "\u2029")]


def odd_lines() -> dict[str, bytes]:
    """All unusual lines, by description."""
    return {
        f"{name} {place}": before + odd + after
        for (name, odd), (place, (before, after)) in product(ODD.items(), PLACES.items())
    }


def odd_file() -> bytes:
    """All unusual lines in one file, with a byte-order mark at its start and no line end at its end."""
    return BOM + b"\n".join(line for line in (*odd_lines().values(), PLAIN))


def with_ending(lines: Sequence[bytes], ending: str) -> bytes:
    end = b"\r\n" if ending == "CRLF" else b"\n"
    whole = end.join(lines) + (b"" if ending == "no final newline" else end)
    return BOM + whole if ending == "BOM" else whole


def lines_of(raw: bytes) -> list[str]:
    """The lines of a file by the line contract, computed independently of the program."""
    whole = raw[len(BOM) :] if raw.startswith(BOM) else raw
    lines = whole.split(b"\n")
    if not lines[-1]:
        del lines[-1]
        ended = len(lines)
    else:
        ended = len(lines) - 1
    return [
        (line[:-1] if number < ended and line[-1:] == b"\r" else line).decode("utf-8", "replace")
        for number, line in enumerate(lines)
    ]


@dataclass
class Stub:
    """An engine with only a tokenizer, which complains about invalid sources."""

    tokenizer: Tokenizer
    workers: int = 1
    scores: bool = False
    complaints: list[str] = field(default_factory=list)

    def supports(self, options: SearchOptions) -> str | None:
        return None

    def about(self) -> dict[str, str | int]:
        return {"engine": type(self).__name__}

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        sources = [query.pieces for query in queries]
        for source in sources:
            if not 0 < len(source) <= MAX_PIECES or min(source) <= EOS:
                self.complaints.append(f"the engine was given {len(source)} pieces, of them {source[:10]}")
        return [[Hypothesis(self.answer(source), -1.0)] * options.n_best for source in sources]

    def answer(self, source: Sequence[int]) -> list[int]:
        """The translation of this engine, which is the source itself."""
        return list(source)


@dataclass
class EveryPiece(Stub):
    """An engine that outputs all pieces, including control pieces, and bytes that spell line breaks."""

    turned: int = 0

    def __post_init__(self) -> None:
        bytes_of = {self.tokenizer.pieces([id])[0]: id for id in range(self.tokenizer.size)}
        self.tape = list(range(self.tokenizer.size))
        for text in BREAKS:
            self.tape += [bytes_of[f"<0x{byte:02X}>"] for byte in text]

    def answer(self, source: Sequence[int]) -> list[int]:
        self.turned = (self.turned + 131) % len(self.tape)
        return self.tape[self.turned :] + self.tape[: self.turned]


@dataclass(frozen=True)
class Case:
    """One run of the command."""

    what: str
    inputs: Sequence[bytes]
    engine: str  # "torch", "ctranslate2", "every piece" or "echo"
    stdin: bool = False
    to_file: bool = False
    format: Literal["text", "tsv", "jsonl"] = "text"


@dataclass(frozen=True)
class LinesArea:
    """The table of unusual lines, then random files."""

    name: str = "odd lines"
    full: int = 1800 + 10_000
    quick: int = 60

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        """Run the trials; return the failures, each with its seed."""
        bench = Bench(workplace, seed)
        table = list(table_cases())
        random.Random(seed).shuffle(table)
        # The whole table where there is room for it, else half of what there is.
        cases = table[: max(trials - 10_000, (trials + 1) // 2)]
        failures = []
        for trial in range(trials):
            case = cases[trial] if trial < len(cases) else random_case(seed, trial)
            failures += [f"seed {seed}, trial {trial}, {case.what}: {failure}" for failure in bench.failures(case)]
        return failures


def table_cases() -> Iterator[Case]:
    for (name, odd), ending, stdin, engine in product(
        odd_lines().items(), ENDINGS, (False, True), ("torch", "ctranslate2", "every piece")
    ):
        raw = with_ending([odd, PLAIN, b"", odd], ending)
        yield Case(f"{name}, {ending}, {'stdin' if stdin else 'file'}, {engine}", [raw], engine, stdin)


def random_case(seed: int, trial: int) -> Case:
    """One or two random files, determined by seed and trial."""
    dice = random.Random(f"{seed} {trial}")
    parts = [
        *(odd for name, odd in ODD.items() if name != "over-long"),
        *[b"\n"] * 12,
        b"\r\n",
        b" ",
        PLAIN,
        b"The dog",
    ]

    def some() -> bytes:
        chosen = (dice.choice(parts) if dice.random() < 0.9 else dice.randbytes(3) for _ in range(dice.randrange(25)))
        return (BOM if dice.random() < 0.2 else b"") + b"".join(chosen)

    stdin = dice.random() < 0.5
    return Case(
        "random bytes",
        [some() for _ in range(1 if stdin else dice.choice([1, 1, 2]))],
        dice.choice(["every piece", "echo"]),
        stdin,
        dice.random() < 0.1,
        dice.choice(["text", "text", "tsv", "jsonl"]),
    )


class Bench:
    """Runs the command with translators that are made once."""

    def __init__(self, workplace: Path, seed: int) -> None:
        self.workplace = workplace
        tokenizer = tiny_model(workplace / "model", seed)
        self.tokenizer = tokenizer
        self.stubs = {"every piece": EveryPiece(tokenizer), "echo": Stub(tokenizer)}
        options = SearchOptions(beam_size=1, max_length_factor=0.1)
        self.translators = {name: Translator(stub, tokenizer, tokenizer, options) for name, stub in self.stubs.items()}
        for name in ("torch", "ctranslate2"):
            loaded = Translator.load(workplace / "model", options, device="cpu", threads=1, engine=name)
            self.translators[name] = loaded

    def failures(self, case: Case) -> list[str]:
        """Descriptions of what the command does wrong in this case."""
        try:
            output, said = self.translate(case)
        except DataError as error:
            return [] if any(map(is_no_text, case.inputs)) else [f"refused: {error}; {list(case.inputs)!r}"]
        except Exception as error:
            return [f"{type(error).__name__}: {error}; {list(case.inputs)!r}"]
        problems = [*self.broken_laws(case, output, said), *self.complaints(case)]
        return [f"{failure}; {list(case.inputs)!r} became {output!r}"[:2000] for failure in problems]

    def translate(self, case: Case) -> tuple[bytes, str]:
        """Run the command; return its output and its messages."""
        paths = [self.workplace / f"in-{number}" for number in range(len(case.inputs))]
        for path, raw in zip(paths, case.inputs, strict=True):
            path.write_bytes(raw)
        out = self.workplace / "out" if case.to_file else None
        load = Translator.load
        with ExitStack() as stack:
            stdin = stack.enter_context(paths[0].open(encoding="utf-8")) if case.stdin else None
            stdout, said = stack.enter_context(streams(stdin))
            stack.callback(setattr, Translator, "load", load)
            Translator.load = lambda *_: self.translators[case.engine]  # type: ignore[method-assign]
            name = str(out) if out else None
            translate(Path("model"), None if case.stdin else list(map(str, paths)), name, format=case.format, threads=1)
        if out:
            data = out.read_bytes()
            out.unlink()
            return data, said.getvalue()
        return stdout.getvalue(), said.getvalue()

    def complaints(self, case: Case) -> list[str]:
        """The engine's complaints."""
        stub = self.stubs.get(case.engine)
        complaints = list(stub.complaints) if stub else []
        if stub:
            stub.complaints.clear()
        return complaints

    def broken_laws(self, case: Case, output: bytes, said: str) -> Iterator[str]:
        lines = [line for raw in case.inputs for line in lines_of(raw)]
        text = output.decode("utf-8")
        out = text.split("\n")[:-1]
        if not len(lines) == output.count(b"\n") == len(text.splitlines()):
            yield f"{len(lines)} lines became {output.count(10)}, or {len(text.splitlines())} by str.splitlines"
            return
        if text and not text.endswith("\n"):
            yield "the last line has no end"
        controls = {sign for sign in text if unicodedata.category(sign) == "Cc"} - {"\n", "\t"}
        if controls:
            yield f"a terminal would obey {controls!r}"
        translations = [self.translation(case, number, record) for number, record in enumerate(out)]
        for line, translation in zip(lines, translations, strict=True):
            wanted = " ".join(line.split())
            if not wanted and translation:
                yield f"a blank line became {translation!r}"
            # Pieces are of the normal form; where an over-long line was cut there may be one more space.
            same = one_line(unicodedata.normalize("NFC", wanted)).replace(" ", "")
            if case.engine == "echo" and translation.replace(" ", "") != same:
                yield f"{wanted!r} came back as {translation!r}"
        pieces = self.tokenizer.encode(lines)
        for number, some in enumerate(pieces, start=1):
            if (len(some) > MAX_PIECES) != (f"line {number} has {len(some)} pieces" in said):
                yield f"of line {number} with {len(some)} pieces it said {said!r}"
        broken = any(not is_utf8(raw) for raw in case.inputs)
        if broken != ("not UTF-8" in said):
            yield f"of UTF-8 it said {said!r}"

    def translation(self, case: Case, number: int, record: str) -> str:
        """The translation in a record of the case's format; the record must be valid."""
        if case.format == "text":
            return record
        if case.format == "tsv":
            _, translation, _ = record.split("\t")
            return translation
        entry: dict[str, Any] = json.loads(record)
        assert entry["id"] == number
        return str(entry["translation"])


def is_no_text(raw: bytes) -> bool:
    """Whether the program may refuse the file: its first line looks like UTF-16, or it has only carriage returns."""
    first = raw.partition(b"\n")[0]
    halves = first[::2].count(0), first[1::2].count(0)
    utf_16 = first.startswith((b"\xff\xfe", b"\xfe\xff")) or (max(halves) > 0 == min(halves))
    return utf_16 or (first == raw and b"\r" in raw.rstrip(b"\r"))


def is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def streams(stdin: io.TextIOWrapper | None) -> Iterator[tuple[io.BytesIO, io.StringIO]]:
    """Replace standard input by the given bytes, and standard output and error by buffers."""
    before = sys.stdin, sys.stdout, sys.stderr
    stdout, said = io.BytesIO(), io.StringIO()
    sys.stdin, sys.stderr = stdin, said
    sys.stdout = io.TextIOWrapper(stdout, encoding="ascii", write_through=True)
    try:
        yield stdout, said
    finally:
        sys.stdout.detach()
        sys.stdin, sys.stdout, sys.stderr = before


def main() -> None:
    Path(sys.argv[1]).write_bytes(odd_file())


if __name__ == "__main__":
    main()
