#!/usr/bin/env python3
"""Speaks the training texts with every synthetic voice of this machine: `speak.py FOLDER [--jobs N]`.

Voices: flite (kal16, awb, slt, rms), espeak-ng (accents and variants, Mandarin by pinyin) and festival (kal, slt-hts; ked is held
out). Nobody's recording is used. Writes FOLDER/corpus.npz: sound (int16, 8 kHz, all clips end to end), and for each clip its place,
its text and whether its voice is held out. Seeded; about 15 CPU minutes.
"""

import argparse
import io
import random
import subprocess
import sys
import tempfile
import wave
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

import text

FLITE = ["kal16", "awb", "slt", "rms"]
ACCENTS = ["en-us", "en-us", "en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029", "en-us-nyc"]
VARIANTS = (
    "m1 m2 m3 m4 m5 m6 m8 f1 f2 f3 f5 klatt klatt2 klatt4 klatt5 klatt6 Alex Alicia Andrea Andy Annie Denis Diogo Gene Gene2 Hugo Jacky Lee "
    "Marco Mario Mike adam anika antonio aunty benjamin boris caleb david ed edward edward2 grandma grandpa gustave iven iven2 iven3 john linda "
    "marcelo max michel miguel norbert pablo paul pedro quincy rob robert sandro shelby steph2 steph3 travis victor zac"
).split()
HELD_VARIANTS = ["m7", "f4", "klatt3", "Michael", "steph", "belinda"]
FESTIVAL = {"kal_diphone": False, "ked_diphone": True, "cmu_us_slt_arctic_hts": False}
RATE = 8_000
LISTED = ("digit", "number", "yes", "no", "control", "person", "menu", "zh", "near", "own")
# Clips of held-out voices that are put aside as files: an operator's own phrases, other speech, and what is known already.
ASIDE = {"own": 200, "foreign": 50, "near": 50, "digit": 60, "yes": 10, "no": 10}


def read(data):
    """A WAV file's samples at 8 kHz, silence at both ends cut to 50 and 100 ms."""
    with wave.open(io.BytesIO(data)) as w:
        x = np.frombuffer(w.readframes(w.getnframes()), dtype=np.int16).astype(np.float32)
        rate = w.getframerate()
    step = np.gcd(RATE, rate)
    x = resample_poly(x, RATE // step, rate // step)
    loud = np.flatnonzero(np.abs(x) > np.abs(x).max() * 0.01)
    if len(loud) == 0:
        return None
    x = x[max(0, loud[0] - 400) : loud[-1] + 800]
    return np.clip(x, -32768, 32767).astype(np.int16)


def one(job):
    """Speaks one text; `None` where the voice failed."""
    number, said, voice, how = job
    with tempfile.NamedTemporaryFile(suffix=".wav") as f:
        if voice == "flite":
            name, stretch, pitch = how
            line = ["flite", "-voice", name, "--setf", f"duration_stretch={stretch:.2f}", "--setf", f"int_f0_target_mean={pitch}", "-t", said, "-o", f.name]
        else:
            name, speed, pitch = how
            line = ["espeak-ng", "-v", name, "-s", str(speed), "-p", str(pitch), "-w", f.name, said]
        if subprocess.run(line, capture_output=True, check=False).returncode:
            return None
        x = read(Path(f.name).read_bytes())
    return None if x is None else (number, f"{voice} {how[0]}", x)


def many(job):
    """Speaks a list of texts with one festival voice, in one process (its start takes a second)."""
    voice, rows = job
    out = []
    with tempfile.TemporaryDirectory() as folder:
        script = [f"(voice_{voice})"]
        for k, (_, said, stretch) in enumerate(rows):
            script.append(f"(Parameter.set 'Duration_Stretch {stretch:.2f})")
            script.append(f'(utt.save.wave (utt.synth (Utterance Text "{said}")) "{folder}/{k}.wav")')
        subprocess.run(["festival", "--pipe"], input="\n".join(script), text=True, capture_output=True, check=False)
        for k, (number, _, _) in enumerate(rows):
            f = Path(folder) / f"{k}.wav"
            x = read(f.read_bytes()) if f.exists() else None
            if x is not None:
                out.append((number, f"festival {voice}", x))
    return out


def plan(rng, words, own=None, share=1.0):
    """Texts with the words to be written, and who speaks them. `own` = a file of more phrases, `share` = how often all else is spoken."""
    texts, jobs, batches = [], [], {v: [] for v in FESTIVAL}

    def add(said, written, kind, flite, espeak, festival, held=0):
        number = len(texts)
        texts.append((said, " ".join(written), kind))
        if kind != "own":
            # Held-out voices are for comparing: as many as ever.
            flite, espeak, festival = (n * share for n in (flite, espeak, festival))
        chinese = kind.startswith("zh")
        for voice in FLITE if not chinese else []:
            for _ in range(int(flite) + (rng.random() < flite % 1)):
                jobs.append((number, said, "flite", (voice, rng.uniform(0.75, 1.35), rng.choice([85, 100, 115, 130, 150, 175, 200, 230]))))
        accent = lambda: "cmn-latn-pinyin" if chinese else rng.choice(ACCENTS)
        for variants, n in ((VARIANTS, espeak), (HELD_VARIANTS, held)):
            for _ in range(int(n) + (rng.random() < n % 1)):
                jobs.append((number, said, "espeak", (f"{accent()}+{rng.choice(variants)}", rng.randint(115, 215), rng.randint(10, 90))))
        for voice in FESTIVAL if not chinese else []:
            for _ in range(int(festival) + (rng.random() < festival % 1)):
                batches[voice].append((number, said, rng.uniform(0.8, 1.3)))

    listed = text.phrases(own)
    known = {w for kind, _, written in listed if kind != "zh" for w in written}
    for kind, said, written in listed:
        if kind == "zh":
            add(" ".join(written), written, kind, 0, 55, 0, 6)
        elif kind == "own":
            add(said, written, kind, 4, 24, 3, 8)
        else:
            many_of = 3 if kind in ("digit", "yes", "no") and len(written) == 1 else 1
            add(said, written, kind, 3 * many_of, 14 * many_of, 1 * many_of, 3)
    examples = [(t, "example", 1, 4) for t in text.flow_examples()]
    asked = [(t, "person", 0.5, 2) for t in text.requests(rng, 1_500)]
    for said, kind, flite, espeak in examples + asked:
        written = text.lines(said).split()
        known.update(written)
        add(said, written, kind, flite, espeak, 0.12, 0.15)
    digits = [t for kind, t, _ in listed if kind == "digit" and t not in ("double", "oh")]
    for _ in range(700):
        string = " ".join(rng.choice(digits) for _ in range(rng.randint(2, 6)))
        add(string, string.split(), "string", 0.25, 1, 0.1, 0.1)
    for said in text.foreign(rng, words, text.COMMON, known, 5_000):
        add(said, [text.UNKNOWN], "foreign", 0.25, 0.7, 0.06, 0.05)
    syllables = "ma1 ta1 shang4 xia4 tian1 di4 shui3 huo3 mao1 gou3 fan4 cha2 lu4 che1 men2 hong2 lan2 da4 xiao3 kan4 ting1 chi1 he1 zou3 pao3 nian2 yue4".split()
    for _ in range(300):
        said = " ".join(rng.choice(syllables) for _ in range(rng.randint(1, 5)))
        add(said, [text.UNKNOWN], "zh-foreign", 0, 1, 0, 0.1)
    for said in text.near_requests(rng, known, 1_800):
        add(said, [text.UNKNOWN], "near", 0.25, 0.8, 0.1, 0.05)
    return texts, jobs, batches


def aside(folder, clips, texts):
    """Writes clips of held-out voices as WAV files with a table, to compare models by."""
    folder.mkdir(exist_ok=True)
    left, lines = dict(ASIDE), ["file\ttranscript\tspeaker"]
    for k in np.random.default_rng(3).permutation(len(clips)):
        number, voice, sound = clips[k]
        said, _, kind = texts[number]
        if left.get(kind, 0) > 0:
            left[kind] -= 1
            lines.append(f"{len(lines)}.wav\t{said}\t{voice.split()[0]}")
            with wave.open(str(folder / f"{len(lines) - 1}.wav"), "wb") as w:
                w.setparams((1, 2, RATE, 0, "NONE", ""))
                w.writeframes(sound.tobytes())
    (folder / "index.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("folder", type=Path)
    args.add_argument("--jobs", type=int, default=2)
    args.add_argument("--more", action="store_true", help="keep what FOLDER has and speak only texts that are new")
    args.add_argument("--phrases", type=Path, help="more phrases, as in phrases.txt, of kind own")
    args.add_argument("--share", type=float, default=1.0, help="how often everything else is spoken")
    args.add_argument("--dictionary", type=Path, default=Path("/usr/share/pocketsphinx/model/en-us/cmudict-en-us.dict"))
    args = args.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(7)
    words = [w.split()[0] for w in args.dictionary.read_text(encoding="utf-8").splitlines() if "(" not in w]
    texts, jobs, batches = plan(rng, words, args.phrases, args.share)
    old = dict(np.load(args.folder / "corpus.npz")) if args.more else None
    if old is not None:
        # Sentences are drawn at random, so only the listed phrases are looked at.
        have = set(old["said"])
        new = {i for i, (said, _, kind) in enumerate(texts) if said not in have and kind in LISTED}
        jobs = [j for j in jobs if j[0] in new]
        batches = {v: [r for r in rows if r[0] in new] for v, rows in batches.items()}
    batches = [(v, rows[i : i + 150]) for v, rows in batches.items() for i in range(0, len(rows), 150)]
    total = len(jobs) + sum(len(rows) for _, rows in batches)
    print(f"{len(texts)} texts, {total} clips", flush=True)
    clips = []
    with Pool(args.jobs) as pool:
        for rows in pool.imap_unordered(many, batches):
            clips += rows
            print(f"\r{len(clips)} of {total}", end="", file=sys.stderr, flush=True)
        for k, row in enumerate(pool.imap_unordered(one, jobs, 16)):
            clips += [row] if row else []
            if k % 200 == 0:
                print(f"\r{len(clips)} of {total}", end="", file=sys.stderr, flush=True)
    clips.sort(key=lambda c: (c[0], c[1], len(c[2])))
    held = [("ked" in voice) or voice.rsplit("+", 1)[-1] in HELD_VARIANTS for _, voice, _ in clips]
    if old is not None:
        before, start = len(old["said"]), old["start"]
        kept = [(n, v, old["sound"][start[i] : start[i + 1]]) for i, (n, v) in enumerate(zip(old["text"], old["voice"]))]
        clips = kept + [(n + before, v, x) for n, v, x in clips]
        texts = list(zip(old["said"], old["written"], old["kind"])) + texts
        held = list(old["held"]) + held
    if args.phrases:
        aside(args.folder / "held-out", [c for c, h in zip(clips, held) if h], texts)
    lengths = np.array([len(x) for _, _, x in clips])
    np.savez(
        args.folder / "corpus.npz",
        sound=np.concatenate([x for _, _, x in clips]),
        start=np.concatenate([[0], np.cumsum(lengths)]),
        text=np.array([n for n, _, _ in clips]),
        voice=np.array([v for _, v, _ in clips]),
        held=np.array(held),
        said=np.array([t[0] for t in texts]),
        written=np.array([t[1] for t in texts]),
        kind=np.array([t[2] for t in texts]),
    )
    print(f"\n{len(clips)} clips, {lengths.sum() / RATE / 3600:.2f} hours, {sum(held)} of held-out voices")


if __name__ == "__main__":
    main()
