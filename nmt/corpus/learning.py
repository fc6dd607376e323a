"""The tokenizers of a dataset: learnt from the kept pairs of the sample, or copied from a dataset or model.

What was learnt is kept in the scratch, because learning takes minutes. Knows verdicts and files; how a vocabulary is
learnt stands in vocabulary.py.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from nmt.config import PrepareOptions
from nmt.corpus.judging import JudgedText
from nmt.corpus.means import Means
from nmt.corpus.parallel import Pair
from nmt.corpus.scan import refuse_nothing_left
from nmt.corpus.verdicts import KEPT, TOO_LONG
from nmt.corpus.vocabulary import learn_vocabularies
from nmt.errors import DataError
from nmt.text.directions import languages_of
from nmt.text.slots import slotted_pair, without_signs
from nmt.text.tokenizer import Tokenizer
from nmt.text.verbatim import Grammar


def copy_tokenizers(folder: Path, vocabulary: Sequence[Path]) -> tuple[Tokenizer, Tokenizer]:
    """Copy the files of an existing vocabulary, and load the tokenizers of the source and of the target."""
    tokenizers = [Tokenizer.load(path) for path in vocabulary]
    for path in vocabulary:
        (folder / path.name).write_bytes(path.read_bytes())
    return tokenizers[0], tokenizers[-1]


def learn_tokenizers(
    folder: Path, text: JudgedText, options: PrepareOptions, grammar: Grammar, means: Means
) -> tuple[Tokenizer, Tokenizer]:
    """Learn and write the tokenizers of the source and of the target, which share one model if joint.

    What the ``grammar`` makes slots of takes no room in the vocabulary.

    Raises DataError for a size that does not fit the text, and when all pairs are too long to learn from.
    """
    with means.scratch.stage("vocabulary") as stage:
        models = {name: stage.read(name) for name in stage.value or ()}
        if not models:
            models = _learn(text, options, grammar, means)
            for name, model in models.items():
                stage.append(name).write(model)
            stage.note(list(models))
    for name, model in models.items():
        (folder / name).write_bytes(model)
    tokenizers = [Tokenizer(model, name) for name, model in models.items()]
    return tokenizers[0], tokenizers[-1]


def _learn(text: JudgedText, options: PrepareOptions, grammar: Grammar, means: Means) -> dict[str, bytes]:
    train, languages = [entry for entry in text.scanned if entry.role == "train"], languages_of(text.directions)
    pairs, kept = text.balanced_sample(options.temperature), sum(entry.kept for entry in train)
    if not pairs:  # all are too long to learn from
        for entry in train:
            entry.verdicts[entry.verdicts == KEPT] = TOO_LONG
        refuse_nothing_left(text.scanned)
    total = sum(len(entry.verdicts) for entry in train)
    try:
        return means.apart(total, "learning the vocabulary", partial(_models, pairs, kept, options, grammar, languages))
    except DataError as error:
        paths = ", ".join(str(entry.corpus.path) for entry in train)
        raise DataError(f"{paths}: {error.what}", error.mend) from None


def _models(
    pairs: Sequence[Pair], kept: int, options: PrepareOptions, grammar: Grammar, languages: Sequence[str]
) -> dict[str, bytes]:
    slotted = (slotted_pair(*pair, grammar.find) for pair in pairs)
    plain = [(without_signs(source), without_signs(target)) for source, target in slotted]
    try:
        return learn_vocabularies(plain, kept, options, languages)
    except DataError as error:
        raise DataError(error.what, error.mend) from None  # another process can send this, but not each of its kinds
