"""The service of `nmt serve` under load: killed and started again, clients that are half there, and its memory.

The clients are threads of the area's process; services are forked before the first of them. What is right is what
`nmt translate` writes, asked before.
"""

import http.client
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from random import Random

from .area import Failed, Skipped, Trial, dice, failures_of, require
from .ends import ALL, Table
from .forked import Child, Setting, import_what_it_imports, nothing, program, run, start
from .small import Sabotage, finished
from .tiny import bundled_lines, tiny_model

SEARCH = ("--beam-size", "1", "--threads", "1", "--device", "cpu", "--engine", "ctranslate2")
LONGEST = 25  # seconds that a well-behaved client waits; others are only closed after 30
CLIENTS = 8
ASKED = 25  # requests of each client in a trial
HALF = 200  # connections of clients that are half there; the service takes 250
MOST_OF_THE_DEAF = 64 << 20  # bytes: each of 200 keeps a piece of 64 KiB, and little more; whole answers are 145 MB
REQUESTS, WARM = 10_000, 2_000
MOST_GROWTH = 8 << 20  # bytes: 1,000 for each of 8,000 requests, less than any that is kept takes; half a MB was seen

Answers = dict[str, str]
Client = http.client.HTTPConnection


class Waiting:
    """A service that is forked, and starts when it is let."""

    def __init__(self, model: Path, port: int, sabotage: Sabotage = nothing) -> None:
        self.port = port
        gate, self._opened = os.pipe()

        def wait() -> None:
            sabotage()
            os.close(self._opened)
            os.read(gate, 1)

        command = ("serve", model, "--port", str(port), *SEARCH, "--quiet")
        self.child: Child = start(program(*command, prepare=wait), Setting(longest=0))
        os.close(gate)

    def begin(self) -> None:
        """Let it start, and wait until it answers."""
        os.write(self._opened, b".")
        os.close(self._opened)
        while not self.is_there():
            require(not self.child.ended_within(0.05), "it did not start")

    def is_there(self) -> bool:
        """Whether it accepts connections."""
        with suppress(OSError):
            self.connected().close()
            return True
        return False

    def connected(self, buffer: int = 0) -> socket.socket:
        """A new connection."""
        client = socket.socket()
        client.settimeout(LONGEST)
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        try:
            client.connect(("127.0.0.1", self.port))
        except OSError:
            client.close()
            raise
        return client

    def client(self) -> Client:
        return Client("127.0.0.1", self.port, timeout=LONGEST)

    def memory(self) -> int:
        """Bytes that it has in memory."""
        status = Path(f"/proc/{self.child.pid}/status").read_text(encoding="utf-8")
        return next(1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def services(model: Path, count: int = 1, sabotage: Sabotage = nothing) -> Iterator[list[Waiting]]:
    """Services of one port, of which one may run at a time; none is left after the block."""
    port = free_port()
    waiting = [Waiting(model, port, sabotage) for _ in range(count)]
    try:
        yield waiting
    finally:
        for each in waiting:
            each.child.end()


def answer(client: Client, lines: Sequence[str]) -> list[str]:
    """The answer for lines. Raises OSError or HTTPException where there is none, Failed where it is not one."""
    body = json.dumps({"q": lines, "source": "ko", "target": "en"})
    client.request("POST", "/translate", body, {"Content-Type": "application/json"})
    response = client.getresponse()
    said = response.read()  # raises IncompleteRead for half of it
    require(response.status == 200, f"it answered {response.status} {said[:200]!r}")
    found: list[str] = json.loads(said)["translatedText"]
    return found


def right(client: Client, lines: Sequence[str], known: Answers) -> None:
    """Ask for lines. Raises Failed for a wrong answer."""
    found = answer(client, lines)
    require(found == [known[line] for line in lines], f"it answered {found} for {lines}")


def surely(client: Client, lines: Sequence[str], known: Answers) -> None:
    """Ask for lines. Raises Failed for a wrong answer, and for none."""
    try:
        right(client, lines, known)
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"there was no answer within {LONGEST} seconds: {error!r}") from None


def ready(workplace: Path, seed: int) -> tuple[Path, Answers]:
    """A model, and what the command makes of some lines."""
    if not all(map(find_spec, ("starlette", "uvicorn", "ctranslate2"))):
        raise Skipped("the extra serve is not installed")
    model = workplace / "model"
    tiny_model(model, seed)
    lines = list(dict.fromkeys(line for line in bundled_lines("ko", 200) if len(line) < 40))
    (workplace / "lines").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    translate = program("translate", model, workplace / "lines", *SEARCH)
    import_what_it_imports(translate, loaded(model))
    found = finished(run(translate)).output.split("\n")[:-1]
    return model, dict(zip(lines, found, strict=True))


def loaded(model: Path) -> Callable[[], None]:
    """What a service does before it listens."""

    def work() -> None:
        from nmt.config import EngineOptions, SearchOptions
        from nmt.serve.app import application  # noqa: F401
        from nmt.serve.directions import Directions

        Directions.load([model], SearchOptions(beam_size=1), EngineOptions(threads=1, device="cpu"), None)

    return work


# --- killed and started again -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class KilledServices:
    """Clients ask again what was not answered, while the service is ended in the middle, three times and started anew.

    Every answer must be whole and right, and in the end every request answered.
    """

    sabotage: Sabotage = nothing

    name: str = "nmt serve killed under load"
    full: int = 20
    quick: int = 1

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        model, known = ready(workplace, seed)
        return failures_of(
            (f"seed {seed}, trial {number}", partial(self.trial, model, known, dice(seed, number)))
            for number in range(trials)
        )

    def trial(self, model: Path, known: Answers, draw: Random) -> None:
        seeds = [draw.random() for _ in range(CLIENTS)]
        with services(model, 4, self.sabotage) as lives, ThreadPoolExecutor(CLIENTS) as pool:
            load = Load(lives[0].port, known)
            asking = [pool.submit(load.ask, Random(seed)) for seed in seeds]
            try:
                for number, life in enumerate(lives):
                    life.begin()
                    if number < len(lives) - 1:
                        load.wait_for(draw.randrange(1, 60))
                        self.end(life, draw)
                for client in asking:
                    client.result()
            finally:
                load.is_over.set()
            require(load.answered == CLIENTS * ASKED, f"{load.answered} of {CLIENTS * ASKED} requests were answered")

    def end(self, service: Waiting, draw: Random) -> None:
        """End a service: by SIGKILL, by SIGTERM, or by two of them, the second of which must not wait for anything."""
        way = draw.choice(["killed", "killed", "ended", "ended at once"])
        ended_by = signal.SIGKILL if way == "killed" else signal.SIGTERM
        for _ in range(2 if way == "ended at once" else 1):
            service.child.send(ended_by)
        require(service.child.ended_within(LONGEST), f"{way}, it went on for {LONGEST} seconds")
        ended = service.child.wait()
        require(ended.code == -ended_by and not ended.errors.count("Traceback"), f"{way}: {ended}")


class Load:
    """Requests of several threads, each of which is asked until it is answered."""

    def __init__(self, port: int, known: Answers) -> None:
        self.port, self.known = port, known
        self.answered = self._wanted = 0
        self._changed = threading.Condition()
        self.is_over = threading.Event()  # a trial that failed leaves nobody to ask

    def wait_for(self, more: int) -> None:
        """Wait until so many more requests are answered, or nearly all."""
        with self._changed:
            wanted = min(self.answered + more, CLIENTS * ASKED - 1)
            require(
                self._changed.wait_for(lambda: self.answered >= wanted, LONGEST), f"no answer within {LONGEST} seconds"
            )

    def ask(self, draw: Random) -> None:
        """One client's requests."""
        lines = list(self.known)
        with ExitStack() as stack:
            for _ in range(ASKED):
                asked = draw.choices(lines, k=draw.randrange(1, 6))
                while True:
                    client = stack.enter_context(closing(Client("127.0.0.1", self.port, timeout=LONGEST)))
                    with suppress(OSError, http.client.HTTPException):
                        right(client, asked, self.known)
                        break
                    if self.is_over.wait(0.02):  # nobody is there
                        return
                with self._changed:
                    self.answered += 1
                    self._changed.notify_all()


@contextmanager
def closing(client: Client) -> Iterator[Client]:
    try:
        yield client
    finally:
        client.close()


# --- clients that are half there --------------------------------------------------------------------------------------

HEAD = b"POST /translate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
FONT = b"GET /hangul.ttf HTTP/1.1\r\nHost: localhost\r\n\r\n"
SENT: dict[str, bytes] = {
    "say nothing": b"",
    "send half a line": HEAD[:9],
    "send half a head": HEAD,
    "send no body": HEAD + b"Content-Length: 100\r\n\r\n",
    "send half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{",
    "send tiny chunks and no end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 250,
    "do not read": FONT * 20,
}


@dataclass
class HalfOpen(Table):
    """200 connections whose clients stop in the middle do not stop others, and take little memory."""

    only: str = ""  # kind of client
    name: str = "nmt serve and half-open connections"
    full: int = ALL
    quick: int = 1

    def cases(self, workplace: Path) -> Iterable[Trial]:
        model, known = ready(workplace, 1)
        for what in [self.only] if self.only else SENT:
            yield f"{HALF} clients {what}", partial(self.trial, model, known, [what])
        if not self.only:
            yield f"{HALF} clients of all kinds", partial(self.trial, model, known, list(SENT))

    def trial(self, model: Path, known: Answers, kinds: Sequence[str]) -> None:
        with services(model, 1, self.sabotage) as (service,), ExitStack() as stack:
            service.begin()
            lines = list(known)[:20]
            with closing(service.client()) as client:
                surely(client, lines, known)
            before = service.memory()
            for number in range(HALF):
                stranger = stack.enter_context(service.connected(1 << 12))
                with suppress(ConnectionError):
                    stranger.sendall(SENT[kinds[number % len(kinds)]])
            for line in lines:
                with closing(service.client()) as client:
                    surely(client, [line], known)
            grown = service.memory() - before
            require(grown < MOST_OF_THE_DEAF, f"they took {grown:,} bytes")


# --- memory -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LevelMemory:
    """The memory of a service after 2,000 requests of varied length and after 10,000; some are refused, some left."""

    sabotage: Sabotage = nothing
    name: str = "nmt serve and its memory"
    full: int = REQUESTS
    quick: int = 0

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        model, known = ready(workplace, seed)
        with services(model, 1, self.sabotage) as (service,):
            service.begin()
            warm = trials * WARM // REQUESTS
            first = self.memory_after(service, known, range(warm), seed)
            last = self.memory_after(service, known, range(warm, trials), seed)
        told = f"{first:,} bytes after {warm:,} requests, {last:,} after {trials:,}"
        return [f"seed {seed}: {told}"] if last - first > MOST_GROWTH else []

    def memory_after(self, service: Waiting, known: Answers, numbers: Iterable[int], seed: int) -> int:
        with ThreadPoolExecutor(CLIENTS) as pool:
            ask = partial(self.request, service, known, seed)
            for number in pool.map(ask, numbers):
                if number % 500 == 0:
                    print(f"{number:,} requests, {service.memory():,} bytes", flush=True)
        return service.memory()

    def request(self, service: Waiting, known: Answers, seed: int, number: int) -> int:
        """One request, and its number: nearly always an honest one, else it is refused, or its client leaves."""
        draw = dice(seed, number)
        lines = draw.choices(list(known), k=draw.choice([1, 1, 1, 1, 1, 1, 1, 4]))
        way = draw.random()
        if way < 0.9:
            with closing(service.client()) as client:
                surely(client, lines, known)
        elif way < 0.95:
            with closing(service.client()) as client, suppress(Failed):
                answer(client, ["x" * 6000])
        else:
            with service.connected() as stranger:
                stranger.sendall(HEAD + b"Content-Length: 100000\r\n\r\n" + b"[" * draw.randrange(100_000))
        return number


AREAS = (LevelMemory(), KilledServices(), HalfOpen()) if sys.platform == "linux" else ()
