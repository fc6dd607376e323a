"""The service beside the command on the same lines: many clients, one client, lists, and its memory.

python benchmarks/serve.py --model RUN --lines 1000 --clients 32

All answers are compared with what ``nmt translate`` writes. The clients are threads of this process, on the same cores.
"""

import argparse
import http.client
import json
import re
import statistics
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from queue import Empty, SimpleQueue

from measure import NMT, PLACE, ROOT
from results import Figure, record

ALONE = 100  # lines that one client asks for, one after another


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a run, or the model in it")
    parser.add_argument("--text", type=Path, default=ROOT / "data/test.ko")
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    lines = options.text.read_text(encoding="utf-8").split("\n")[: options.lines]
    PLACE.mkdir(parents=True, exist_ok=True)
    expected, _ = by_command(options.model, lines)
    service = Service(options.model)
    try:
        service.ask([(number, [line]) for number, line in enumerate(lines[:ALONE])], 1)  # until all is warm
        command: list[float] = []
        crowd: list[float] = []
        listed: list[float] = []
        waits: list[float] = []
        for _ in range(options.repeats):
            command.append(by_command(options.model, lines)[1])
            for clients, size, seconds in ((options.clients, 1, crowd), (1, len(lines), listed)):
                items = [(first, lines[first : first + size]) for first in range(0, len(lines), size)]
                answers, _, took = service.ask(items, clients)
                assert answers == expected, "the service and the command differ"
                seconds.append(took)
            waits += service.ask([(number, [line]) for number, line in enumerate(lines[:ALONE])], 1)[1]
        memory = service.memory()
    finally:
        service.end()
    rates = [len(lines) / statistics.median(seconds) for seconds in (command, crowd, listed)]
    waits.sort()
    several = f"{options.clients} clients, a line each time"
    figures = [
        Figure("nmt translate", "lines a second", round(rates[0], 1)),
        Figure(several, "lines a second", round(rates[1], 1)),
        Figure(several, "of the command's", round(100 * rates[1] / rates[0]), "%"),
        Figure("1 client, one list", "of the command's", round(100 * rates[2] / rates[0]), "%"),
        Figure("1 client, a line each time", "median", round(1000 * statistics.median(waits), 1), "ms"),
        Figure("1 client, a line each time", "95% within", round(1000 * waits[int(0.95 * len(waits))], 1), "ms"),
        Figure("the service", "memory at the end", round(memory / 1e6), "MB"),
    ]
    flags = f"--model RUN --lines {options.lines} --clients {options.clients}"
    record("the REST service and the command", f"python benchmarks/serve.py {flags}", figures)


def by_command(model: Path, lines: Sequence[str]) -> tuple[list[str], float]:
    """The translations of ``nmt translate``, and its seconds without those of loading."""
    stats = PLACE / "serve-stats.json"
    text = "".join(f"{line}\n" for line in lines).encode()
    result = subprocess.run([NMT, "translate", model, "--stats", stats], input=text, capture_output=True, check=True)
    return result.stdout.decode().split("\n")[:-1], json.loads(stats.read_text(encoding="utf-8"))["seconds"]


class Service:
    """``nmt serve`` in a process, until it is ended."""

    def __init__(self, model: Path) -> None:
        log = PLACE / "serve.log"
        with log.open("wb") as said:
            self.process = subprocess.Popen([NMT, "serve", model, "--port", "0"], stderr=said)
        while not (said_where := re.search(r"http://([\d.]+):(\d+)", log.read_text(encoding="utf-8"))):
            assert self.process.poll() is None, log.read_text(encoding="utf-8")
            time.sleep(0.05)
        self.host, self.port = said_where[1], int(said_where[2])
        connection = http.client.HTTPConnection(self.host, self.port, timeout=120)
        connection.request("GET", "/languages")
        source = json.loads(connection.getresponse().read())[0]
        connection.close()
        self.direction = {"source": source["code"], "target": source["targets"][0]}

    def ask(self, items: Sequence[tuple[int, list[str]]], clients: int) -> tuple[list[str], list[float], float]:
        """Translations of the lines, by the number of each item's first; the seconds of each request, and of all."""
        waiting: SimpleQueue[tuple[int, list[str]]] = SimpleQueue()
        for item in items:
            waiting.put(item)
        answers: dict[int, str] = {}
        seconds: list[float] = []

        def client() -> None:
            with ExitStack() as stack:
                connection = http.client.HTTPConnection(self.host, self.port, timeout=120)
                stack.callback(connection.close)
                while True:
                    try:
                        first, lines = waiting.get_nowait()
                    except Empty:
                        return
                    body = json.dumps({"q": lines, **self.direction})
                    began = time.perf_counter()
                    connection.request("POST", "/translate", body, {"Content-Type": "application/json"})
                    texts = json.loads(connection.getresponse().read())["translatedText"]
                    seconds.append(time.perf_counter() - began)
                    answers.update(enumerate(texts, start=first))

        threads = [threading.Thread(target=client) for _ in range(clients)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [answers[number] for number in sorted(answers)], seconds, time.perf_counter() - began

    def memory(self) -> int:
        """Bytes that it has in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return 1024 * int(found[1])

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()


if __name__ == "__main__":
    main()
