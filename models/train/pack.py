#!/usr/bin/env python3
"""Writes the weights that hotline ships: `pack.py FOLDER FILE`, from FOLDER/state.npz.

The file: `HLEARS01`, the length of a JSON head (little-endian u32), the head (shape, token texts, Mandarin spellings, names and sizes
of the tensors) and the tensors as 16-bit floats. hotline fills it up in memory to what whisper.cpp loads: its vocabulary has 51 864
places whatever is used, and the same row in all unused ones, which this script finds so that they are never chosen.
"""

import argparse
import json
import struct
from pathlib import Path

import jax.numpy as jnp
import numpy as np

import net
import text
from evaluate import picture
from train import END, LONGEST, SHAPE, SPEECH, START, Corpus


def unused_row(corpus, w):
    """A row whose product with the decoder's outputs is about −20 everywhere (least squares over held-out clips)."""
    outputs = []
    plain = dict(w, emb=w["emb"])
    held = np.flatnonzero(corpus.held)
    for i in np.random.default_rng(1).choice(held, 60, replace=False):
        words = corpus.words[corpus.text[i]][: LONGEST - 3]
        tokens = np.array([[START, SPEECH] + words + [END] * (LONGEST - 2 - len(words))])
        heard = net.encode(plain, jnp.asarray(picture(corpus.clip(i)))[None], SHAPE["encoder"], SHAPE["heads"])
        logits = np.asarray(net.decode(plain, heard, tokens, SHAPE["decoder"], SHAPE["heads"]))[0]
        outputs.append(logits @ np.linalg.pinv(np.asarray(w["emb"], np.float64)).T)
    h = np.concatenate(outputs)
    row = np.linalg.solve(h.T @ h + 0.1 * np.eye(h.shape[1]), h.T @ np.full(len(h), -20.0))
    print(f"unused places: logits {np.min(h @ row):.1f} to {np.max(h @ row):.1f}")
    return row


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("folder", type=Path)
    args.add_argument("file", type=Path)
    args = args.parse_args()
    corpus = Corpus(args.folder)
    z = np.load(args.folder / "state.npz")
    w = {k[5:]: z[k] for k in z.files if k.startswith("mean/")}
    tensors = {k: v for k, v in w.items() if not k.startswith("ctc.")}
    tensors["unused"] = unused_row(corpus, w)
    head = {
        "shape": SHAPE | {"longest": LONGEST},
        "tokens": corpus.tokens,
        "spellings": {t: " ".join(words) for kind, t, words in text.phrases() if kind == "zh"},
        "steps": int(z["done"]),
        "tensors": [[k, list(v.shape)] for k, v in tensors.items()],
    }
    line = json.dumps(head, ensure_ascii=False).encode()
    with open(args.file, "wb") as f:
        f.write(b"HLEARS01" + struct.pack("<I", len(line)) + line)
        for v in tensors.values():
            f.write(np.asarray(v, np.float16).tobytes())
    print(f"{args.file}: {args.file.stat().st_size} bytes after {head['steps']} steps")


if __name__ == "__main__":
    main()
