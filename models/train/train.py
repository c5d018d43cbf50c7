#!/usr/bin/env python3
"""Trains the small Whisper of the hotline domain: `train.py FOLDER --steps N` (after `speak.py FOLDER`).

Seeded, and resumable: FOLDER/state.npz is written after every block of clips, and the same command goes on from there. A block is
made (voices through random lines and rooms) by a second process while the one before is learnt twice. On two cores of a 2.3 GHz
server 10 000 steps take about 75 minutes.
"""

import argparse
import json
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

# Small products all of them: one thread each is fastest, and JAX has its own.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import jax
import jax.numpy as jnp
import numpy as np

import channel
import net
import text

SHAPE = {"width": 96, "heads": 3, "encoder": 3, "decoder": 2}
SPECIAL = ["<end>", "<start>", "<speech>", "<nobody>", text.UNKNOWN]
END, START, SPEECH, NOBODY, UNKNOWN = range(5)
LONGEST = 14
PHONES_MOST = 64
STEPS = (64, 96, 128, 192, 256)
BLOCK = 6_144
PER_BATCH = 4_096
# Lines and rooms get worse over so many blocks.
EASY_BLOCKS = 14


def vocabulary(corpus):
    words = sorted({w for line in corpus["written"] for w in line.split()} - {text.UNKNOWN})
    return SPECIAL + words


def pronunciations(dictionary):
    known = {}
    for line in Path(dictionary).read_text(encoding="utf-8").splitlines():
        word, *phones = line.split()
        known.setdefault(word, phones)
    return known


def phones_of(said, known):
    """Phones of a text, the two halves of each Mandarin syllable; nothing where a word is not in the dictionary."""
    out = []
    for word in said.split():
        if word[-1].isdigit():
            cut = 2 if word[:2] in ("zh", "ch", "sh") else 1
            out += ["zh:" + word[:cut], "zh:" + word[cut:-1]]
        elif word in known:
            out += known[word]
        else:
            return []
    return out


class Corpus:
    """The spoken clips and what stands behind them."""

    def __init__(self, folder, dictionary="/usr/share/pocketsphinx/model/en-us/cmudict-en-us.dict"):
        data = np.load(Path(folder) / "corpus.npz")
        self.sound, self.start, self.text, self.held = data["sound"], data["start"], data["text"], data["held"]
        self.voice, self.said, self.written, self.kind = data["voice"], data["said"], data["written"], data["kind"]
        self.tokens = vocabulary(data)
        index = {t: i for i, t in enumerate(self.tokens)}
        known = pronunciations(dictionary)
        spelt = [phones_of(s, known) for s in self.said]
        self.phones = ["<blank>"] + sorted({p for s in spelt for p in s})
        place = {p: i for i, p in enumerate(self.phones)}
        self.spelt = [[place[p] for p in s] for s in spelt]
        self.words = [[index[w] for w in line.split()] for line in self.written]
        self.train = np.flatnonzero(~self.held)
        # How often a kind is drawn; within it every clip alike.
        share = {"own": 12, "digit": 5, "string": 3, "number": 1, "yes": 2.5, "no": 2.5, "control": 3, "person": 8, "menu": 5, "example": 4, "zh": 4, "foreign": 9, "near": 7, "zh-foreign": 1.2}
        kinds = self.kind[self.text[self.train]]
        odds = np.zeros(len(kinds))
        for k, s in share.items():
            odds[kinds == k] = s / max(1, (kinds == k).sum())
        self.odds = odds / odds.sum()
        self.digits = self.train[(kinds == "digit")]
        self.foreign = self.train[(kinds == "foreign")]
        self.short = self.train[np.isin(kinds, ["own", "digit", "number", "yes", "no", "control", "menu", "zh"])]

    def clip(self, i):
        return self.sound[self.start[i] : self.start[i + 1]]

    def sample(self, rng, hard=1.0):
        """One clip or a few in a row: sound, tokens, phones."""
        other = lambda: self.clip(self.train[rng.integers(len(self.train))])
        easy, luck = rng.random() < 0.7 * (1 - hard), rng.random()
        if easy:
            row = [self.short[rng.integers(len(self.short))]]
        elif luck < 0.05:
            return channel.nobody(rng, int(rng.uniform(0.4, 2.5) * 8_000)), None, []
        elif luck < 0.11:
            row = list(self.digits[rng.integers(len(self.digits), size=rng.integers(2, 6))])
        elif luck < 0.14:
            row = [self.foreign[rng.integers(len(self.foreign))], self.train[rng.choice(len(self.train), p=self.odds)]]
            if rng.random() < 0.5:
                row.reverse()
        else:
            row = [self.train[rng.choice(len(self.train), p=self.odds)]]
        parts, words, phones = [], [], []
        gap = lambda: np.zeros(int(rng.uniform(0.0, 0.35) * 8_000), np.int16)
        for k, i in enumerate(row):
            sound = self.clip(i).astype(np.float32)
            level = rng.uniform(0.5, 1) * 12_000 / (np.abs(sound).max() + 1)
            parts += ([gap()] if k else []) + [(sound * level).astype(np.int16)]
            spoken = self.words[self.text[i]]
            words += spoken[1:] if words and spoken and words[-1] == spoken[0] == UNKNOWN else spoken
            phones += self.spelt[self.text[i]]
        return channel.heard(np.concatenate(parts), rng, other, hard), words, phones


def example(sound, words, phones, rng, steps=None):
    """A sample as the network takes it; `None` when it is too long."""
    need = int(np.ceil(len(sound) / 160))
    fitting = [s for s in STEPS if s >= need]
    if not fitting or (words is not None and len(words) > LONGEST - 3) or len(phones) > PHONES_MOST:
        return None
    steps = steps or fitting[min(len(fitting) - 1, int(rng.random() < 0.25))]
    wrote = [UNKNOWN] if words is None else words
    # A foreign word is no "nobody": both lead past the phrases.
    first = NOBODY if wrote == [UNKNOWN] else SPEECH
    tokens = [START, SPEECH] + wrote
    after = [first] + wrote + [END]
    pad = LONGEST - len(tokens)
    return {
        "mel": channel.picture(sound, 2 * steps, rng).astype(np.float16),
        "tokens": tokens + [END] * pad,
        "next": after + [END] * pad,
        "weight": [1.0] * len(after) + [0.0] * pad,
        "phones": phones + [0] * (PHONES_MOST - len(phones)),
        "steps": steps,
    }


_corpus = None


def begin_from(file, w, tokens):
    """Fresh weights `w`, with those of a model that `pack.py` wrote where it has them: by word, because the words differ."""
    data = Path(file).read_bytes()
    if data[:8] != b"HLEARS01":
        raise SystemExit(f"{file} is no small model of hotline")
    size = int.from_bytes(data[8:12], "little")
    head, at = json.loads(data[12 : 12 + size]), 12 + size
    row = {t: i for i, t in enumerate(head["tokens"])}
    w = dict(w)
    for name, dims in head["tensors"]:
        n = int(np.prod(dims))
        old = np.frombuffer(data, np.float16, n, at).astype(np.float32).reshape(dims)
        at += 2 * n
        if name == "emb":
            fresh = np.array(w["emb"])
            for i, t in enumerate(tokens):
                if t in row:
                    fresh[i] = old[row[t]]
            w["emb"] = jnp.asarray(fresh)
        elif name in w and w[name].shape == old.shape:
            w[name] = jnp.asarray(old)
    return w


def block(folder, seed, number, known=False):
    """Clips through lines and rooms: `BLOCK` examples, the same for the same numbers. `known` = the network can listen already."""
    global _corpus
    _corpus = _corpus or Corpus(folder)
    rng = np.random.default_rng([seed, number])
    hard = 1.0 if known else min(1.0, max(0.1, number / EASY_BLOCKS))
    out = []
    while len(out) < BLOCK:
        made = example(*_corpus.sample(rng, hard), rng)
        if made:
            out.append(made)
    return out


def masked(mel, rng):
    """Bands and moments that are missing (SpecAugment, Park et al. 2019)."""
    mel = mel.astype(np.float32)
    for x in mel:
        for _ in range(rng.integers(0, 3)):
            at, width = rng.integers(0, 56), rng.integers(1, 9)
            x[at : at + width] = x.min() if rng.random() < 0.5 else x[:60].mean()
        if rng.random() < 0.3:
            at, width = rng.integers(0, x.shape[1]), rng.integers(2, 8)
            x[:, at : at + width] = x[:60].mean()
    return mel + rng.uniform(-0.08, 0.08, (len(mel), 1, 1)).astype(np.float32)


def batches(examples, rng):
    """Examples of one length together, `PER_BATCH` encoder steps each."""
    out = []
    for steps in STEPS:
        rows = [i for i, e in enumerate(examples) if e["steps"] == steps]
        rng.shuffle(rows)
        size = PER_BATCH // steps
        out += [rows[i : i + size] for i in range(0, len(rows) - size + 1, size)]
    rng.shuffle(out)
    return out


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("folder", type=Path)
    args.add_argument("--steps", type=int, default=10_000)
    args.add_argument("--rate", type=float, default=1.6e-3)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--begin", type=Path, help="go on from this model (a file of pack.py) with the words that are new")
    args = args.parse_args()
    corpus = Corpus(args.folder)
    w = net.create(args.seed, SHAPE["width"], SHAPE["encoder"], SHAPE["decoder"], len(corpus.tokens), len(corpus.phones), LONGEST)
    print(f"{len(corpus.tokens)} tokens, {len(corpus.phones)} phones, {sum(x.size for x in w.values())} weights", flush=True)
    if args.begin:
        w = begin_from(args.begin, w, corpus.tokens)
    m = jax.tree.map(jnp.zeros_like, w)
    v, mean, done, number = m, w, 0, 0
    state = args.folder / "state.npz"
    if state.exists():
        z = np.load(state)
        w, m, v, mean = ({k: jnp.asarray(z[f"{part}/{k}"]) for k in w} for part in ("w", "m", "v", "mean"))
        done, number = int(z["done"]), int(z["number"])
        print(f"going on after step {done}", flush=True)

    @jax.jit
    def step(w, m, v, mean, t, rate, batch, key):
        (total, parts), g = jax.value_and_grad(net.loss, has_aux=True)(w, batch, SHAPE, key)
        size = jnp.sqrt(sum(jnp.sum(a * a) for a in jax.tree.leaves(g)))
        g = jax.tree.map(lambda a: a * jnp.minimum(1, 1 / size), g)
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = jax.tree.map(lambda a, b: 0.98 * a + 0.02 * b * b, v, g)
        moved = lambda q, a, b: q - rate * ((a / (1 - 0.9**t)) / (jnp.sqrt(b / (1 - 0.98**t)) + 1e-7) + 0.01 * q)
        w = jax.tree.map(moved, w, m, v)
        keep = jnp.minimum(0.999, t / (t + 50.0))
        return w, m, v, jax.tree.map(lambda a, b: keep * a + (1 - keep) * b, mean, w), parts

    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as maker:
        coming = maker.submit(block, args.folder, args.seed, number, bool(args.begin))
        began = time.time()
        while done < args.steps:
            examples = coming.result()
            coming = maker.submit(block, args.folder, args.seed, number + 1, bool(args.begin))
            rng = np.random.default_rng([args.seed, number, 1])
            losses, steps_before, clock = [], done, time.time()
            for rows in batches(examples, rng) + batches(examples, rng):
                done += 1
                part = done / args.steps
                rate = args.rate * min(1, done / 300) * max(0.02, 1 - part)
                take = lambda k: np.array([examples[i][k] for i in rows])
                batch = {k: take(k) for k in ("tokens", "next", "phones")}
                batch["weight"] = take("weight").astype(np.float32)
                batch["mel"] = masked(np.stack([examples[i]["mel"] for i in rows]), rng)
                w, m, v, mean, parts = step(w, m, v, mean, float(done), rate, batch, jax.random.PRNGKey(done))
                losses.append(parts)
                if done >= args.steps:
                    break
            number += 1
            words, ctc = (np.mean([float(x[k]) for x in losses]) for k in (0, 1))
            each = (time.time() - clock) / (done - steps_before)
            left = (args.steps - done) * each / 60
            print(f"step {done} of {args.steps}: words {words:.3f}, phones {ctc:.3f}; {each:.2f} s a step, {left:.0f} min to go", flush=True)
            whole = {f"{part}/{k}": np.asarray(x) for part, tree in (("w", w), ("m", m), ("v", v), ("mean", mean)) for k, x in tree.items()}
            np.savez(args.folder / "state.new.npz", done=done, number=number, tokens=corpus.tokens, **whole)
            (args.folder / "state.new.npz").rename(state)
    print(f"{done} steps after {(time.time() - began) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
