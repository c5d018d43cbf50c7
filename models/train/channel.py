"""What a telephone line and a room do to a voice, and the log-mel picture that Whisper hears.

Everything works on 8 kHz samples. Whisper hears 16 kHz; a 25 ms window of 200 samples at 8 kHz has the same 40 Hz bins below 4 kHz as
its 400 samples at 16 kHz, and nothing is above, so the picture is worked out at half the cost.
"""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

RATE = 8_000
HOP = 80
WINDOW = 200
BANDS = 80
HANN = (0.5 * (1 - np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW))).astype(np.float32)


def slaney_filters():
    """Whisper's 80 mel filters over the 201 bins of a 400-point transform at 16 kHz (Slaney scale, area normalised)."""
    linear, knee, step = 200.0 / 3, 1000.0, np.log(6.4) / 27.0
    to_mel = lambda f: np.where(f < knee, f / linear, knee / linear + np.log(np.maximum(f, 1e-9) / knee) / step)
    to_hz = lambda m: np.where(m < knee / linear, m * linear, knee * np.exp(step * (m - knee / linear)))
    points = to_hz(np.linspace(0.0, to_mel(np.array(8_000.0)), BANDS + 2))
    bins = np.linspace(0, 8_000, 201)
    rise = (bins[None, :] - points[:-2, None]) / (points[1:-1] - points[:-2])[:, None]
    fall = (points[2:, None] - bins[None, :]) / (points[2:] - points[1:-1])[:, None]
    area = 2.0 / (points[2:] - points[:-2])
    return (np.maximum(0, np.minimum(rise, fall)) * area[:, None]).astype(np.float32)


FILTERS = slaney_filters()


def picture(x, frames, rng=None):
    """Log-mel picture [80, frames] of samples in −1..1, as whisper.cpp makes it of the same sound at 16 kHz.

    Above 4 kHz stands what the resampler leaves: nothing, or (with `rng`) a faint mirror of what is below, so that the model does not
    learn one resampler's floor.
    """
    n = frames * HOP
    y = np.zeros(n + WINDOW, np.float32)
    m = min(len(x), n + WINDOW // 2)
    y[WINDOW // 2 : WINDOW // 2 + m] = x[:m]
    if m > WINDOW:
        y[: WINDOW // 2] = x[1 : WINDOW // 2 + 1][::-1]
    cut = np.lib.stride_tricks.sliding_window_view(y, WINDOW)[::HOP][:frames] * HANN
    bins = rfft(cut, axis=1)
    power = 4 * (bins.real**2 + bins.imag**2)
    whole = np.zeros((frames, 201), np.float32)
    whole[:, :101] = power
    if rng is not None and rng.random() < 0.5:
        whole[:, 101:] = power[:, 99::-1] * 10 ** rng.uniform(-9, -4)
    mel = np.log10(np.maximum(whole @ FILTERS.T, 1e-10))
    mel = np.maximum(mel, mel.max() - 8.0)
    return ((mel + 4.0) / 4.0).T


def companded(x):
    """mu-law and back (ITU-T G.711), samples in −1..1."""
    y = np.clip(x, -1, 1) * 32_635
    m = np.abs(y) + 132
    e = np.clip(np.floor(np.log2(m)).astype(int) - 7, 0, 7)
    q = np.floor(m / 2.0 ** (e + 3)).astype(int) & 15
    return (np.sign(y) * (((q * 2 + 33) * 2.0 ** (e + 2)) - 132) / 32_768).astype(np.float32)


def shaped_noise(rng, n):
    """Steady noise with a random slope and a random hum."""
    size = next_fast_len(n, real=True)
    spectrum = rfft(rng.standard_normal(size, np.float32))
    f = np.fft.rfftfreq(size, 1 / RATE).astype(np.float32)
    noise = irfft(spectrum * np.maximum(f, 40.0) ** -np.float32(rng.uniform(0, 1)), size)[:n]
    noise /= noise.std() + 1e-9
    if rng.random() < 0.15:
        t = np.arange(n) / RATE
        noise += rng.uniform(0.2, 1.5) * np.sign(np.sin(2 * np.pi * rng.choice([50, 60, 100, 120]) * t)) * rng.uniform(0.3, 1)
    return noise


def clatter(rng, n):
    """Dishes, doors and keys: short bursts that ring out, over a little steady noise."""
    noise = 0.05 * rng.standard_normal(n)
    for _ in range(rng.integers(1, 4 + n // 2_500)):
        start, length = rng.integers(0, n), int(RATE * rng.uniform(0.02, 0.3))
        t = np.arange(min(length, n - start)) / RATE
        ring = sum(rng.uniform(0.2, 1) * np.sin(2 * np.pi * rng.uniform(300, 3_700) * t + rng.uniform(0, 6)) for _ in range(4))
        burst = (ring + rng.standard_normal(len(t))) * np.exp(-t / rng.uniform(0.005, 0.08))
        noise[start : start + len(t)] += rng.uniform(0.2, 2) * burst
    return noise


def music(rng, n):
    """Notes and chords with overtones."""
    out, at, root = np.zeros(n), 0, rng.uniform(110, 330)
    while at < n:
        length = int(RATE * rng.choice([0.15, 0.25, 0.4, 0.6]))
        t = np.arange(min(length, n - at)) / RATE
        for semitone in rng.choice([0, 2, 4, 5, 7, 9, 11, 12, 14, 16], size=rng.integers(1, 4)):
            f = root * 2 ** (semitone / 12)
            out[at : at + len(t)] += sum(np.sin(2 * np.pi * f * k * t) / k ** rng.uniform(0.7, 2) for k in range(1, 6)) * np.exp(-t * rng.uniform(0, 6))
        at += length
    return out


def lost(x, rng):
    """Packets of 20 ms that never came: the one before again, fading, or nothing."""
    frames = x[: len(x) // 160 * 160].reshape(-1, 160).copy()
    gone = rng.random(len(frames)) < rng.uniform(0.01, 0.1)
    for i in np.flatnonzero(gone):
        frames[i] = frames[i - 1] * 0.6 if i > 0 and rng.random() < 0.8 else 0
    return frames.reshape(-1)


def heard(x, rng, others, hard=1.0):
    """A clip (int16) as it comes out of a telephone line: float samples in −1..1 with what was around it.

    `others()` gives any other clip, for voices in the background. `hard` (0 to 1) is how much the line and the room may do: a
    network that begins with the worst lines does not find out what it is to listen for.
    """
    x = x.astype(np.float32) / 32_768
    # Another length of the vocal tract and another speed at once; the voices' own pitch and speed vary apart from it.
    factor = np.exp((0.35 + 0.65 * hard) * rng.uniform(np.log(0.82), np.log(1.22)))
    n = int(len(x) / factor)
    position = np.arange(n) * factor
    if rng.random() < 0.5 * hard:
        position += rng.uniform(0.1, 0.35) * RATE / 25 * np.sin(2 * np.pi * (position / (RATE * rng.uniform(0.3, 0.9)) + rng.random()))
    x = np.interp(position, np.arange(len(x)), x).astype(np.float32)
    x = np.concatenate([np.zeros(int(RATE * rng.uniform(0.03, 0.45))), x, np.zeros(int(RATE * rng.uniform(0.1, 0.7)))])
    n = len(x)
    size = next_fast_len(n + 2_000, real=True)
    spectrum = rfft(x.astype(np.float32), size)
    f = np.fft.rfftfreq(size, 1 / RATE).astype(np.float32)
    octaves = np.log2(np.maximum(f, 60) / 1_000)
    gain = hard * rng.uniform(-5, 5) * octaves
    for _ in range(rng.integers(0, 3)):
        gain += hard * rng.uniform(-8, 8) * np.exp(-(((octaves - rng.uniform(-2, 2)) / rng.uniform(0.2, 0.8)) ** 2))
    if rng.random() < 0.6:
        low, high = rng.uniform(80, 380), rng.uniform(2_800, 3_800)
        gain -= 10 * np.log10(1 + (low / np.maximum(f, 1)) ** 6) + 10 * np.log10(1 + (f / high) ** 12)
    spectrum = spectrum * (10 ** (gain / 20)).astype(np.float32)
    if rng.random() < 0.3 * hard:
        length = int(RATE * rng.uniform(0.05, 0.25))
        room = rng.standard_normal(length) * np.exp(-6 * np.arange(length) / length) * rng.uniform(0.05, 0.4)
        room[0] = 1
        spectrum = spectrum * rfft(room.astype(np.float32), size)
    x = irfft(spectrum, size)[:n]
    speech = np.sqrt((x**2).mean()) + 1e-9
    kind = rng.random()
    if kind < 0.4:
        noise = shaped_noise(rng, n)
    elif kind < 0.55:
        noise = rng.standard_normal(n)
    elif kind < 0.75:
        noise = clatter(rng, n)
    elif kind < 0.82:
        noise = music(rng, n)
    else:
        noise = 0.1 * rng.standard_normal(n)
        for _ in range(rng.integers(1, 4)):
            other = others().astype(np.float32)
            other = np.roll(np.resize(other / (other.std() + 1), n), rng.integers(n))
            noise += other
    noise /= np.sqrt((noise**2).mean()) + 1e-9
    snr = rng.uniform(22, 45) if rng.random() < 1 - 0.55 * hard else rng.uniform(22 - 18 * hard, 22)
    if kind >= 0.82:
        snr = max(snr, 10)
    x = x + noise * speech * 10 ** (-snr / 20)
    x *= 10 ** (rng.uniform(-24, -1) / 20) / (np.abs(x).max() + 1e-9)
    if rng.random() < 0.12 * hard:
        x = np.clip(x * rng.uniform(1, 3), -0.9, 0.9)
    x = companded(x)
    return lost(x, rng) if rng.random() < 0.15 * hard else x


def nobody(rng, n):
    """A line on which nobody speaks."""
    kind = rng.random()
    noise = shaped_noise(rng, n) if kind < 0.4 else clatter(rng, n) if kind < 0.7 else music(rng, n)
    noise = noise / (np.abs(noise).max() + 1e-9) * 10 ** (rng.uniform(-60, -3) / 20)
    return companded(noise)
