"""What Hugging Face's transformers makes of a folder, run in its own environment: JSON in, JSON out.

``train FOLDER`` trains the model that the folder's files describe on the lines; ``answer FOLDER`` tokenizes lines,
scores their targets by teacher forcing, and translates them by beam search within limits.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import MarianConfig, MarianMTModel, MarianTokenizer  # type: ignore[import-not-found]


def train(folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Train from random weights and save them; the loss at the end."""
    torch.manual_seed(1)
    tokenizer = MarianTokenizer.from_pretrained(folder)
    model = MarianMTModel(MarianConfig.from_pretrained(folder)).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=asked["rate"])
    batch = tokenizer(asked["sources"], text_target=asked["targets"], padding=True, return_tensors="pt")
    batch["labels"][batch["labels"] == tokenizer.pad_token_id] = -100
    for _ in range(asked["steps"]):
        loss = model(**batch).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    return {"loss": float(loss)}


@torch.inference_mode()
def answer(folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Ids of the lines, and of their targets with the logits of each step; the hypotheses of a beam, best first."""
    tokenizer = MarianTokenizer.from_pretrained(folder)
    model = MarianMTModel.from_pretrained(folder).eval()
    found: dict[str, Any] = {"sources": [], "targets": [], "logits": [], "beams": []}
    for source, target, limit in zip(asked["sources"], asked["targets"], asked["limits"], strict=True):
        batch = tokenizer([source], text_target=[target], return_tensors="pt")
        output = model(**batch).logits[0]
        found["sources"].append(batch["input_ids"][0].tolist())
        found["targets"].append(batch["labels"][0].tolist())
        found["logits"].append(output.tolist())
        del batch["labels"]
        beams = model.generate(
            **batch,
            num_beams=asked["beam"],
            num_return_sequences=asked["beam"],
            max_new_tokens=limit,
            max_length=None,
            length_penalty=1.0,
            early_stopping=True,
            renormalize_logits=True,
            forced_eos_token_id=None,
            bad_words_ids=[[tokenizer.pad_token_id], [tokenizer.unk_token_id]],
            output_scores=True,
            return_dict_in_generate=True,
        )
        texts = tokenizer.batch_decode(beams.sequences, skip_special_tokens=True)
        found["beams"].append(list(zip(texts, beams.sequences_scores.tolist(), strict=True)))
    return found


if __name__ == "__main__":
    json.dump({"train": train, "answer": answer}[sys.argv[1]](Path(sys.argv[2]), json.load(sys.stdin)), sys.stdout)
