// Sounds for callers and microphones, and what is heard in a recording.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folder, run } from "./world.mjs";

/** A mono WAV file of 16 bits; `samples` between -1 and 1, or so many of 16 bits. */
export function wav(name, rate, samples) {
  const data = Buffer.alloc(44 + samples.length * 2);
  data.write("RIFF", 0);
  data.writeUInt32LE(36 + samples.length * 2, 4);
  data.write("WAVEfmt ", 8);
  data.writeUInt32LE(16, 16);
  data.writeUInt16LE(1, 20);
  data.writeUInt16LE(1, 22);
  data.writeUInt32LE(rate, 24);
  data.writeUInt32LE(rate * 2, 28);
  data.writeUInt16LE(2, 32);
  data.writeUInt16LE(16, 34);
  data.write("data", 36);
  data.writeUInt32LE(samples.length * 2, 40);
  samples.forEach((sample, n) => data.writeInt16LE(Math.max(-32_768, Math.min(32_767, Math.round(sample))), 44 + n * 2));
  const path = join(folder, name);
  writeFileSync(path, data);
  return path;
}

/** A file of a tone, or of whatever else can be computed from the time in seconds. */
export const made = (name, rate, seconds, sample) => wav(name, rate, Array.from({ length: Math.round(rate * seconds) }, (_, n) => sample(n / rate)));
export const tone = (hertz) => (at) => 8000 * Math.sin(2 * Math.PI * hertz * at);

/** The samples of one channel of a WAV file of 16 bits. */
export function read(path, channel = 0) {
  const bytes = readFileSync(path);
  const [channels, rate] = [bytes.readUInt16LE(22), bytes.readUInt32LE(24)];
  const data = bytes.indexOf("data") + 8;
  const samples = [];
  for (let at = data + channel * 2; at + 1 < bytes.length; at += channels * 2) samples.push(bytes.readInt16LE(at));
  return { rate, samples };
}

/** For each twentieth of a second of one channel, whether this tone stands out. */
function toneIn({ rate, samples }, hertz) {
  const window = rate / 20;
  return Array.from({ length: Math.floor(samples.length / window) }, (_, at) => {
    let [re, im, power] = [0, 0, 0];
    for (let n = 0; n < window; n += 1) {
      const sample = samples[at * window + n];
      re += sample * Math.cos((2 * Math.PI * hertz * n) / rate);
      im += sample * Math.sin((2 * Math.PI * hertz * n) / rate);
      power += sample * sample;
    }
    return power > 1e6 && ((re * re + im * im) * 2) / (window * power) > 0.5;
  });
}

/** Seconds of a sound in which this tone stands out. */
export const secondsOf = (sound, hertz) => toneIn(sound, hertz).filter(Boolean).length / 20;

/** Seconds of what was heard (the right channel of a caller's recording) in which this tone stands out. */
export const heard = (path, hertz) => secondsOf(read(path, 1), hertz);

/** What is heard by that channel as stretches of this tone, [from, to] in seconds: at least one second long, with pauses of less than one. */
export function stretches(path, hertz) {
  const found = [];
  for (const [n, is] of toneIn(read(path, 1), hertz).entries()) {
    const [at, last] = [n / 20, found.at(-1)];
    if (is && last && at - last[1] < 1) last[1] = at + 0.05;
    else if (is) found.push([at, at + 0.05]);
  }
  return found.filter(([from, to]) => to - from >= 1);
}

// ---- Speech ----------------------------------------------------------------------------------------------------------------------------------------

const DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const SPOKEN_AT_ONCE = 6;

/** Six digits by chance: who hears them right has heard them. */
export const number = () => Array.from({ length: SPOKEN_AT_ONCE }, () => DIGITS[Math.floor(Math.random() * 10)]).join(" ");

/** The words as samples of 8 kHz, spoken by the program's own voice. */
export async function spoken(text) {
  const path = join(folder, `spoken-${text.replaceAll(/\W/g, "-")}.wav`);
  await run("say", text, "--voice", "rms", "-o", path);
  return read(path).samples;
}

export const silence = (seconds, rate = 8000) => new Array(Math.round(rate * seconds)).fill(0);
/** To a rate six times as high, for a browser's microphone. */
export const wide = (samples) => samples.flatMap((sample, n) => [0, 1, 2, 3, 4, 5].map((k) => sample + (((samples[n + 1] ?? 0) - sample) * k) / 6));

const LOUD = 400;
const GAP_S = 0.8;
const SHORT_S = 0.8;

/** What lies between the silences. */
function parts({ rate, samples }) {
  const window = Math.round(rate / 50);
  const found = [];
  let [from, quiet] = [-1, 0];
  for (let at = 0; at + window <= samples.length; at += window) {
    let power = 0;
    for (let n = at; n < at + window; n += 1) power += samples[n] * samples[n];
    const loud = Math.sqrt(power / window) > LOUD;
    if (loud && from < 0) from = at;
    quiet = loud ? 0 : quiet + window;
    if (from >= 0 && (quiet >= GAP_S * rate || at + 2 * window > samples.length)) {
      if (at - quiet - from > SHORT_S * rate) found.push(samples.slice(Math.max(0, from - rate / 4), at - quiet + rate / 4));
      from = -1;
    }
  }
  return found;
}

let files = 0;

/** The six digits in each part of a sound, as the program's own recogniser hears them; it expects any six digits. */
export async function understood(sound) {
  const grammar = join(folder, "digits.gram");
  writeFileSync(grammar, `#JSGF V1.0;\ngrammar digits;\npublic <number> =${" <digit>".repeat(SPOKEN_AT_ONCE)};\n<digit> = ${DIGITS.join(" | ")};\n`);
  const names = parts(sound).map((samples) => wav(`part-${(files += 1)}.wav`, sound.rate, samples));
  if (names.length === 0) return [];
  const lines = await run("transcribe", "--json", "--grammar", `@${grammar}`, ...names);
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line).text ?? ""];
    } catch {
      return [];
    }
  });
}
