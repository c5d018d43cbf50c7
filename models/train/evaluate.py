#!/usr/bin/env python3
"""What the small model hears: `evaluate.py FOLDER [--eval DIR] [--clips N]`.

Prints, choosing among all English phrases: synthetic voices that were held out (through lines and rooms), real digits (all phrases,
and among ten), Mandarin phrases, and how much foreign speech is refused when one true answer in ten is.
"""

import argparse
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import channel
import net
import text
from train import END, LONGEST, NOBODY, SHAPE, SPEECH, START, STEPS, UNKNOWN, Corpus


@partial(jax.jit, static_argnums=())
def scores(w, mel, tokens, after, weight):
    """Log probability of every phrase, and of UNKNOWN as the last row, for one picture."""
    heard = net.encode(w, mel[None], SHAPE["encoder"], SHAPE["heads"])
    many = jnp.broadcast_to(heard, (tokens.shape[0],) + heard.shape[1:])
    at = jax.nn.log_softmax(net.decode(w, many, tokens, SHAPE["decoder"], SHAPE["heads"]), -1)
    each = jnp.take_along_axis(at, after[..., None], -1)[..., 0]
    return (each * weight).sum(1), at[0, 0, NOBODY]


def rows(phrases):
    """Teacher-forced inputs of phrases (lists of tokens), UNKNOWN last."""
    tokens, after, weight = [], [], []
    for words in phrases + [[UNKNOWN]]:
        pad = LONGEST - len(words) - 2
        tokens.append([START, SPEECH] + words + [END] * pad)
        after.append([SPEECH] + words + [END] + [END] * pad)
        # The first step (speech or nobody) is the same for all phrases and asked apart.
        weight.append([0.0] + [1.0] * (len(words) + 1) + [0.0] * pad)
    return np.array(tokens), np.array(after), np.array(weight, np.float32)


def picture(sound):
    """Samples with the quiet of a line around them, as the listener hands them over."""
    rng = np.random.default_rng(len(sound))
    x = sound.astype(np.float32) / 32_768
    x = np.concatenate([np.zeros(1_600, np.float32), x, np.zeros(2_400, np.float32)])
    x = channel.companded(x + rng.standard_normal(len(x)).astype(np.float32) * 3e-4)
    steps = next((s for s in STEPS if s * 160 >= len(x)), STEPS[-1])
    return channel.picture(x[: steps * 160], 2 * steps)


def read(path):
    """Samples of a WAV file, 16-bit or mu-law."""
    data, at, kind = Path(path).read_bytes(), 12, 1
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + size]
        if name == b"fmt ":
            kind = int.from_bytes(body[:2], "little")
        if name == b"data":
            if kind == 1:
                return np.frombuffer(body[: len(body) // 2 * 2], np.int16)
            u = ~np.frombuffer(body, np.uint8)
            value = ((((u & 15).astype(int) * 2 + 33) << ((u >> 4) & 7)) - 33) * 4
            return np.where(u & 128, -value, value).astype(np.int16)
        at += 8 + size + size % 2
    raise ValueError(f"{path} holds no sound")


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("folder", type=Path)
    args.add_argument("--eval", type=Path, default=text.HERE.parent.parent.parent / "shared" / "eval")
    args.add_argument("--clips", type=int, default=400)
    args = args.parse_args()
    corpus = Corpus(args.folder)
    z = np.load(args.folder / "state.npz")
    w = {k[5:]: jnp.asarray(z[k]) for k in z.files if k.startswith("mean/")}
    index = {t: i for i, t in enumerate(corpus.tokens)}
    print(f"after {int(z['done'])} steps")
    listed = text.phrases()
    english = [(t, [index[x] for x in words]) for kind, t, words in listed if kind != "zh"]
    chinese = [(" ".join(words), [index[x] for x in words]) for kind, t, words in listed if kind == "zh"]
    ten = [t for t in corpus.said if t in "zero one two three four five six seven eight nine".split()]
    sets = {"en": rows([p for _, p in english]), "zh": rows([p for _, p in chinese])}
    names = {"en": [t for t, _ in english], "zh": [t for t, _ in chinese]}

    def hear(mel, language="en", among=None):
        s, nobody = scores(w, mel, *sets[language])
        s = np.asarray(s)
        told = [k for k, n in enumerate(names[language]) if among is None or n in among]
        best = told[int(np.argmax(s[told]))]
        return names[language][best], float(s[best]), float(s[-1]), float(nobody)

    rng = np.random.default_rng(5)
    held = np.flatnonzero(corpus.held)
    right = {"held-out voices": [], "Mandarin, held-out voices": []}
    sure = []
    for i in rng.permutation(held):
        kind, said = corpus.kind[corpus.text[i]], corpus.said[corpus.text[i]]
        chinese_clip = kind == "zh"
        name = "Mandarin, held-out voices" if chinese_clip else "held-out voices"
        if not chinese_clip and said not in names["en"] or len(right[name]) >= args.clips:
            continue
        x = channel.heard(corpus.clip(i), rng, lambda: corpus.clip(held[rng.integers(len(held))]))
        steps = next((s for s in STEPS if s * 160 >= len(x)), STEPS[-1])
        got = hear(channel.picture(x[: steps * 160], 2 * steps), "zh" if chinese_clip else "en")
        right[name].append(got[0] == said)
    for name, hits in right.items():
        print(f"{name}, noise and rooms: {100 * np.mean(hits):.1f} % of {len(hits)}")

    digits = sorted((args.eval / "digits").glob("*.wav"))
    digits = digits[:: max(1, len(digits) // args.clips)]
    everything, among_ten, by = [], [], {}
    for f in digits:
        said, speaker = ten_names[int(f.stem.split("_")[0])], f.stem.split("_")[1]
        mel = picture(read(f))
        got = hear(mel)
        everything.append(got[0] == said or said == "zero" and got[0] == "oh")
        sure.append(got[1] - got[2])
        among_ten.append(hear(mel, among=ten)[0] == said)
        by.setdefault(speaker, []).append(everything[-1])
    if digits:
        print(f"real digits, choosing among all {len(english)} phrases: {100 * np.mean(everything):.1f} % of {len(everything)}; among ten: {100 * np.mean(among_ten):.1f} %")
        print("  by speaker: " + ", ".join(f"{s} {100 * np.mean(h):.0f} %" for s, h in sorted(by.items())))
    others = sorted((args.eval / "commands").glob("*.wav"))[::4] + sorted((args.eval / "words").glob("*.wav"))
    foreign = [hear(picture(read(f))) for f in others]
    if others and digits:
        bound = np.quantile(sure, 0.1)
        margins = np.array([a - b for _, a, b, _ in foreign])
        print(f"other real speech refused at 10 % of digits refused: {100 * np.mean(margins < bound):.1f} % of {len(margins)}")
    synthetic = [i for i in held if corpus.kind[corpus.text[i]] == "foreign"][:200]
    margins = np.array([(lambda g: g[1] - g[2])(hear(picture(corpus.clip(i)))) for i in synthetic])
    if digits:
        print(f"other synthetic speech of held-out voices refused: {100 * np.mean(margins < bound):.1f} % of {len(margins)}")


ten_names = "zero one two three four five six seven eight nine".split()

if __name__ == "__main__":
    main()
