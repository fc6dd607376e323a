"""Weights of a model whose vocabulary is another one: each piece begins with the vectors that the model has for it.

A piece that the model lacks begins with the mean of the vectors of those that spell it, and one that they cannot spell
with new ones. All other weights are the model's own (transfer from a parent model: Zoph et al. 2016, Kocmi and Bojar
2018). Knows pieces and tensors; no file.
"""

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from nmt.model.family import TranslationModel
from nmt.text.spm_format import FIRST_PLAIN
from nmt.text.tokenizer import EOS, UNK, Tokenizer

Tokenizers = tuple[Tokenizer, Tokenizer]  # the source's and the target's
_BYTE = re.compile("<0x[0-9A-F]{2}>")
OF_SOURCE, OF_TARGET = "embeddings.source.weight", "embeddings.target.weight"
PRODUCED = "embeddings.produced"


def inherit(child: TranslationModel, parent: TranslationModel, own: Tokenizers, parents: Tokenizers) -> None:
    """Give ``child`` the weights of ``parent``, a model of the same shape; what it produces stays its own."""
    given = parent.state_dict()
    vectors = given.get(OF_SOURCE, given[OF_TARGET]), given[OF_TARGET]
    rows = [origins(*each) for each in zip(own, parents, map(trained, vectors), strict=True)]
    with torch.no_grad():
        for name, tensor in child.state_dict().items():
            if name == PRODUCED:
                continue
            if not name.startswith("embeddings."):
                tensor.copy_(given[name])
                continue
            for row, parts in enumerate(rows[name != OF_SOURCE]):
                if parts:
                    tensor[row] = given[name][parts].mean(0)


def shared(own: Tokenizers, parents: Tokenizers) -> tuple[int, int]:
    """How many learnt pieces both vocabularies have, and how many there are; of both sides, once if these have one."""
    sides = {id(tokenizer): (tokenizer, parent) for tokenizer, parent in zip(own, parents, strict=True)}.values()
    names = [(learnt(tokenizer), learnt(parent)) for tokenizer, parent in sides]
    return sum(len(here & there) for here, there in names), sum(len(here) for here, _ in names)


def trained(vectors: Tensor) -> list[bool]:
    """Whether each piece has a vector that its model learnt: a row for each piece.

    An imported model has zeros for pieces that only our vocabularies have, such as bytes, and the unknown piece's
    vector for those that its own vocabulary lacks.
    """
    own = vectors.any(1) & (vectors != vectors[UNK]).any(1)
    own[: EOS + 1] = True  # decoders may begin with zeros
    return [bool(each) for each in own]


def origins(tokenizer: Tokenizer, parent: Tokenizer, is_trained: Sequence[bool]) -> list[list[int]]:
    """For each piece the trained ones of ``parent`` that it begins with: the same, those that spell it, or none."""
    names = names_of(parent)
    known = {name: id for id, name in enumerate(names) if is_trained[id]}
    plain = {name: id for name, id in known.items() if EOS < id < parent.first_reserved}
    longest = max(map(len, names))
    found = []
    for id, name in enumerate(names_of(tokenizer)):
        is_plain = EOS < id < tokenizer.first_reserved
        same = (plain if is_plain else known).get(name)
        is_text = FIRST_PLAIN <= id < tokenizer.first_reserved  # the name of a byte is none
        found.append([same] if same is not None else spelled(name, plain, longest) if is_text else [])
    return found


def spelled(name: str, known: dict[str, int], longest: int) -> list[int]:
    """The ids of the longest known pieces that make up a name, from left to right; other characters are their bytes."""
    ids, place = [], 0
    while place < len(name):
        ends = range(min(len(name), place + longest), place, -1)
        end = next((end for end in ends if name[place:end] in known), None)
        if end is not None:
            ids.append(known[name[place:end]])
        else:
            end = place + 1
            ids += [known[byte] for byte in map("<0x{:02X}>".format, name[place:end].encode()) if byte in known]
        place = end
    return ids


def learnt(tokenizer: Tokenizer) -> set[str]:
    """The names of the pieces that stand for text of more than a byte."""
    names = tokenizer.pieces(range(EOS + 1, tokenizer.first_reserved))
    return {name for name in names if not _BYTE.fullmatch(name)}


def names_of(tokenizer: Tokenizer) -> Sequence[str]:
    """The names of all pieces, in the order of their ids."""
    return tokenizer.pieces(range(tokenizer.size))
