"""The network: Whisper's architecture (Radford et al. 2022) in JAX, small, with a helper that is not shipped.

While training, a linear layer on the encoder also writes the phones (connectionist temporal classification, Graves et al. 2006): the
encoder learns to hear speech sounds from every clip, those that mean nothing to the domain too.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax

POSITIONS = 1_500


def sinusoids(length, width):
    """Whisper's fixed positions of the encoder."""
    t = np.exp(-np.log(10_000) / (width // 2 - 1) * np.arange(width // 2))
    at = np.arange(length)[:, None] * t[None]
    return np.concatenate([np.sin(at), np.cos(at)], 1).astype(np.float32)


def create(seed, width, encoder, decoder, tokens, phones, longest):
    """Fresh weights, by the names that whisper.cpp gives them (`ctc.*` and the few rows of `emb` apart)."""
    r = np.random.default_rng(seed)
    draw = lambda *shape: (r.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
    zeros, ones = (lambda n: np.zeros(n, np.float32)), (lambda n: np.ones(n, np.float32))
    w = {
        "encoder.conv1.weight": draw(width, 80, 3),
        "encoder.conv1.bias": zeros(width),
        "encoder.conv2.weight": draw(width, width, 3),
        "encoder.conv2.bias": zeros(width),
        "decoder.positional_embedding": 0.1 * r.standard_normal((longest, width)).astype(np.float32),
        "emb": 0.1 * r.standard_normal((tokens, width)).astype(np.float32),
        "ctc.weight": draw(phones, width),
        "ctc.bias": zeros(phones),
    }
    for name in ("encoder.ln_post", "decoder.ln"):
        w[f"{name}.weight"], w[f"{name}.bias"] = ones(width), zeros(width)
    for side, layers in (("encoder", encoder), ("decoder", decoder)):
        for i in range(layers):
            block = f"{side}.blocks.{i}"
            for attention in ["attn"] + (["cross_attn"] if side == "decoder" else []):
                w[f"{block}.{attention}_ln.weight"], w[f"{block}.{attention}_ln.bias"] = ones(width), zeros(width)
                for part in ("query", "key", "value", "out"):
                    w[f"{block}.{attention}.{part}.weight"] = draw(width, width) * (0.5 if part == "out" else 1)
                    if part != "key":
                        w[f"{block}.{attention}.{part}.bias"] = zeros(width)
            w[f"{block}.mlp_ln.weight"], w[f"{block}.mlp_ln.bias"] = ones(width), zeros(width)
            w[f"{block}.mlp.0.weight"], w[f"{block}.mlp.0.bias"] = draw(4 * width, width), zeros(4 * width)
            w[f"{block}.mlp.2.weight"], w[f"{block}.mlp.2.bias"] = 0.5 * draw(width, 4 * width), zeros(width)
    return {k: jnp.asarray(v) for k, v in w.items()}


def norm(w, name, x):
    mean = x.mean(-1, keepdims=True)
    spread = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / jnp.sqrt(spread + 1e-5) * w[name + ".weight"] + w[name + ".bias"]


def attend(w, name, x, y, heads, mask=None):
    b, t, width = x.shape
    cut = lambda z: z.reshape(b, z.shape[1], heads, -1)
    q = cut(x @ w[name + ".query.weight"].T + w[name + ".query.bias"])
    k = cut(y @ w[name + ".key.weight"].T)
    v = cut(y @ w[name + ".value.weight"].T + w[name + ".value.bias"])
    s = jnp.einsum("bthe,bshe->bhts", q, k) / np.sqrt(width // heads)
    s = s if mask is None else s + mask
    o = jnp.einsum("bhts,bshe->bthe", jax.nn.softmax(s, -1), v).reshape(b, t, width)
    return o @ w[name + ".out.weight"].T + w[name + ".out.bias"]


def mlp(w, name, x):
    inner = jax.nn.gelu(x @ w[name + ".mlp.0.weight"].T + w[name + ".mlp.0.bias"], approximate=True)
    return inner @ w[name + ".mlp.2.weight"].T + w[name + ".mlp.2.bias"]


def dropped(x, key, rate):
    if key is None:
        return x
    return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape[:1] + (1,) * (x.ndim - 1)), x / (1 - rate), 0)


def encode(w, mel, layers, heads, key=None):
    """Pictures [batch, 80, 2·steps] to [batch, steps, width]. With a key, whole layers are left out now and then."""

    def conv(x, name, stride):
        y = jax.lax.conv_general_dilated(
            x, w[name + ".weight"], (stride,), [(1, 1)], dimension_numbers=("NCH", "OIH", "NCH")
        )
        return jax.nn.gelu(y + w[name + ".bias"][:, None], approximate=True)

    h = conv(conv(mel, "encoder.conv1", 1), "encoder.conv2", 2).transpose(0, 2, 1)
    h = h + sinusoids(POSITIONS, h.shape[-1])[: h.shape[1]]
    keys = [None] * layers if key is None else jax.random.split(key, layers)
    for i in range(layers):
        block = f"encoder.blocks.{i}"
        y = norm(w, block + ".attn_ln", h)
        h = h + dropped(attend(w, block + ".attn", y, y, heads), keys[i], 0.05)
        h = h + dropped(mlp(w, block, norm(w, block + ".mlp_ln", h)), keys[i], 0.05)
    return norm(w, "encoder.ln_post", h)


def decode(w, heard, tokens, layers, heads):
    """Logits [batch, length, tokens] of the next token after each."""
    length = tokens.shape[1]
    mask = jnp.where(np.tril(np.ones((length, length))), 0.0, -1e9)
    z = w["emb"][tokens] + w["decoder.positional_embedding"][:length]
    for i in range(layers):
        block = f"decoder.blocks.{i}"
        y = norm(w, block + ".attn_ln", z)
        z = z + attend(w, block + ".attn", y, y, heads, mask)
        z = z + attend(w, block + ".cross_attn", norm(w, block + ".cross_attn_ln", z), heard, heads)
        z = z + mlp(w, block, norm(w, block + ".mlp_ln", z))
    return norm(w, "decoder.ln", z) @ w["emb"].T


def loss(w, batch, shape, key, phones_weight=0.3):
    """Mean cross entropy of the tokens plus the phones' (per phone) of one batch."""
    heard = encode(w, batch["mel"], shape["encoder"], shape["heads"], key)
    logits = decode(w, heard, batch["tokens"], shape["decoder"], shape["heads"])
    at = -jnp.take_along_axis(jax.nn.log_softmax(logits, -1), batch["next"][..., None], -1)[..., 0]
    words = (at * batch["weight"]).sum() / batch["weight"].sum()
    phones = heard @ w["ctc.weight"].T + w["ctc.bias"]
    pads = jnp.zeros(phones.shape[:2])
    each = optax.ctc_loss(phones, pads, batch["phones"], (batch["phones"] == 0).astype(jnp.float32))
    count = (batch["phones"] > 0).sum(1)
    # A clip too short for its phones has no path; it says nothing.
    good = (count > 0) & (count * 1.3 < phones.shape[1])
    ctc = jnp.where(good, jnp.minimum(each, 500.0), 0.0).sum() / jnp.maximum(jnp.where(good, count, 0).sum(), 1)
    return words + phones_weight * ctc, (words, ctc)
