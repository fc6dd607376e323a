"""transformers as its users call it: python transformers_client.py MODEL SOURCE OUTPUT; nothing of nmt is imported."""

import sys

import sentencepiece
import torch
from transformers import MarianMTModel  # type: ignore[import-not-found]

folder, source, output = sys.argv[1:]
pieces = sentencepiece.SentencePieceProcessor(model_file=f"{folder}/tokenizer.model")
model = MarianMTModel.from_pretrained(folder).eval()
with open(source, encoding="utf-8") as file:
    rows = [[*ids, 3] for ids in pieces.encode([line.rstrip("\n") for line in file])]
order = sorted(range(len(rows)), key=lambda number: -len(rows[number]))
found = {}
for first in range(0, len(order), 64):
    batch = order[first : first + 64]
    longest = max(len(rows[number]) for number in batch)
    ids = torch.tensor([rows[number] + [0] * (longest - len(rows[number])) for number in batch])
    with torch.inference_mode():
        made = model.generate(
            ids, attention_mask=(ids != 0).long(), num_beams=5, length_penalty=1.0, max_new_tokens=2 * longest
        )
    for number, row in zip(batch, made.tolist(), strict=True):
        found[number] = pieces.decode([piece for piece in row if piece > 3])
with open(output, "w", encoding="utf-8") as file:
    file.writelines(f"{found[number]}\n" for number in range(len(rows)))
