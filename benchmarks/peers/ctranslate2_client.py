"""CTranslate2 as its own users call it from Python, at its best: python ctranslate2_client.py MODEL SOURCE OUTPUT …

All lines at once, sorted by the library itself; nothing of nmt is imported.
"""

import argparse

import ctranslate2
import sentencepiece

parser = argparse.ArgumentParser()
for name in ("model", "source", "output"):
    parser.add_argument(name)
parser.add_argument("--workers", type=int, default=1)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--batch-tokens", type=int, default=2048)
parser.add_argument("--compute-type", default="float32")
options = parser.parse_args()

pieces = sentencepiece.SentencePieceProcessor(model_file=f"{options.model}/tokenizer.model")
translator = ctranslate2.Translator(
    options.model,
    device="cpu",
    inter_threads=options.workers,
    intra_threads=options.threads,
    compute_type=options.compute_type,
)
with open(options.source, encoding="utf-8") as file:
    lines = [pieces.encode(line.rstrip("\n"), out_type=str) for line in file]
found = translator.translate_batch(
    lines, beam_size=5, max_batch_size=options.batch_tokens, batch_type="tokens", max_decoding_length=256
)
with open(options.output, "w", encoding="utf-8") as file:
    file.writelines(f"{pieces.decode(one.hypotheses[0])}\n" for one in found)
