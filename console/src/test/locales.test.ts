import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { firstLanguage } from "../i18n";
import en from "../locales/en.json";
import zh from "../locales/zh.json";

type Tree = { [key: string]: string | Tree };

function flat(tree: Tree, before = ""): Map<string, string> {
  const all = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") all.set(before + key, value);
    else for (const [inner, text] of flat(value, `${before}${key}.`)) all.set(inner, text);
  }
  return all;
}

const PLURAL = /_(one|other)$/;
const names = (texts: Map<string, string>): string[] => [...new Set([...texts.keys()].map((key) => key.replace(PLURAL, "")))].sort();
const holes = (text: string): string[] => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] ?? "").sort();

const english = flat(en);
const chinese = flat(zh);

describe("the two languages", () => {
  test("have the same sentences", () => {
    expect(names(chinese)).toEqual(names(english));
  });

  test("have no empty sentence, and Chinese is Chinese", () => {
    const same = ["app.name", "language.en", "language.zh", "title.plain", "wall.no_figure", "notify.body"];
    for (const [key, text] of [...english, ...chinese]) expect(text.trim(), key).not.toBe("");
    for (const [key, text] of chinese) {
      if (!same.includes(key)) expect(text, key).toMatch(/[\u4e00-\u9fff]/);
    }
  });

  test("leave the same places to fill in", () => {
    for (const [key, text] of chinese) {
      const other = english.get(key) ?? english.get(key.replace(PLURAL, "_other")) ?? "";
      expect(holes(text), key).toEqual(holes(other));
    }
  });

  test("have the plurals that each needs", () => {
    for (const key of english.keys()) {
      if (key.endsWith("_one")) expect(english.has(key.replace(PLURAL, "_other")), key).toBe(true);
    }
    expect([...chinese.keys()].filter((key) => key.endsWith("_one"))).toEqual([]);
  });
});

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.tsx?$/.test(entry.name) && !entry.name.includes(".test.") ? [path] : [];
  });
}

test("every sentence is used somewhere", () => {
  const code = sources(join(process.cwd(), "src")).map((path) => readFileSync(path, "utf8")).join("\n");
  // `t("a.b")`, and `t(`a.b_${…}`)` for all that begin so.
  const whole = new Set([...code.matchAll(/"([a-z_]+\.[a-z_0-9]+)"/g)].map((match) => match[1]));
  const beginnings = [...code.matchAll(/t\(`([a-z_]+\.[a-z_]*)\$\{/g)].map((match) => match[1] ?? "");
  const unused = names(english).filter((key) => !whole.has(key) && !beginnings.some((beginning) => key.startsWith(beginning)));
  expect(unused).toEqual([]);
});

test("no words outside of the locale files", () => {
  const pages = sources(join(process.cwd(), "src")).filter((path) => !path.includes("/src/test/"));
  const found = pages.filter((path) => /[\u4e00-\u9fff]/.test(readFileSync(path, "utf8").replace(/\/\/.*$/gm, "")));
  expect(found).toEqual([]);
});

test("the first language is what was chosen, else the browser's", () => {
  expect(firstLanguage("zh", ["en"])).toBe("zh");
  expect(firstLanguage(null, ["fr", "zh-TW", "en"])).toBe("zh");
  expect(firstLanguage("fr", ["de"])).toBe("en");
});
