"""How well word links fit the bundled corpus's: python benchmarks/alignments.py MODEL [LINKS …]

The alignment error rate (Och and Ney 2003) of a model's links, of the plain average of its attention, and of files with
links of test's pairs, a line a pair, as other aligners print them. The model is given the references: its own
translations have no links to compare with.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

DATA = Path(__file__).parents[1] / "data"
Links = set[tuple[int, int]]


def read_links(path: Path) -> list[tuple[Links, Links]]:
    """The sure links of each line, and all that are possible: ``0-0`` is sure, ``1p2`` possible only."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        sure, possible = (
            {(int(source), int(target)) for source, found, target in map(halves, line.split()) if found in signs}
            for signs in ("-", "-p")
        )
        lines.append((sure, possible))
    return lines


def halves(link: str) -> tuple[str, str, str]:
    return link.partition("p" if "p" in link else "-")


def error_rate(links: Sequence[Links], gold: Sequence[tuple[Links, Links]]) -> float:
    """1 − (|A ∩ S| + |A ∩ P|) / (|A| + |S|) over all lines, where P contains S."""
    pairs = list(zip(links, gold, strict=True))
    right = sum(len(found & sure) + len(found & possible) for found, (sure, possible) in pairs)
    return 1 - right / sum(len(found) + len(sure) for found, (sure, _) in pairs)


def model_links(path: Path) -> tuple[list[Links], list[Links]]:
    """The links of a model, and those of the plain average of its attention, from each target word's largest weight."""
    import torch

    from nmt.decoding.engine import Query
    from nmt.decoding.engines import pytorch
    from nmt.decoding.word_links import links_of, source_words, target_words, word_weights
    from nmt.store.model_folder import ModelFolder, load_model
    from nmt.text.tokenizer import BOS, EOS

    model = ModelFolder.open(path)
    engine, module = pytorch.load_engine([model], "cpu", 1), load_model(model)
    source, target = model.tokenizers
    ours, plain = [], []
    texts = [(DATA / f"test.{language}").read_text(encoding="utf-8").splitlines() for language in ("ko", "en")]
    for ko, en in zip(*texts, strict=True):
        given, wanted = source.encode([ko])[0], target.encode([en])[0]
        words = target_words(target.spell(wanted)), source_words(ko, [source.spell(given)], [0])[0]
        ours.append(set(links_of(word_weights(engine.align([Query(given)], [wanted])[0], *words))))
        with torch.inference_mode():
            cross = module.attention_maps(torch.tensor([*given, EOS]), torch.tensor([BOS, *wanted]))["cross"]
        average = word_weights(cross.mean((0, 1))[:-1, :-1].double().numpy(), *words)
        plain.append({(int(row.argmax()), place) for place, row in enumerate(average)})
    return ours, plain


def main() -> None:
    parser = argparse.ArgumentParser(description="Alignment error rates on the bundled test set.")
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("links", type=Path, nargs="*", metavar="LINKS")
    arguments = parser.parse_args()
    gold = read_links(DATA / "test.links")
    ours, plain = model_links(arguments.model)
    rows = [("nmt", ours), ("average of attention", plain)]
    rows += [(path.name, [found for found, _ in read_links(path)]) for path in arguments.links]
    for name, links in rows:
        pairs = list(zip(links, gold, strict=True))
        total = np.array([(len(a & p), len(a & s), len(a), len(s)) for a, (s, p) in pairs]).sum(0)
        print(f"{name:24} AER {error_rate(links, gold):.3f}  precision {total[0] / total[2]:.3f}", end="  ")
        print(f"recall {total[1] / total[3]:.3f}")


if __name__ == "__main__":
    main()
