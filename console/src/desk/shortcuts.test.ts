import { describe, expect, test } from "vitest";
import { KEYS, type KeyPress, actOf, dialogIsOpen, isWriting, reasonKey } from "./shortcuts";

const REASONS = ["break", "lunch"];
function press(key: string, part: Partial<KeyPress> = {}): KeyPress {
  return { key, code: "", ctrlKey: false, metaKey: false, altKey: false, repeat: false, isComposing: false, ...part };
}

describe("keys", () => {
  test("mean what is drawn on the buttons, small or capital", () => {
    for (const [act, key] of Object.entries(KEYS)) {
      expect(actOf(press(key), REASONS)).toMatchObject({ act });
      expect(actOf(press(key.toLowerCase()), REASONS)).toMatchObject({ act });
    }
  });

  test("are all different, also from those of the reasons", () => {
    const reasons = Array.from({ length: 8 }, (_, index) => reasonKey(index));
    const all = [...Object.values(KEYS), ...reasons];
    expect(new Set(all).size).toBe(all.length);
    expect(reasonKey(8)).toBeNull();
  });

  test("of reasons follow the configuration", () => {
    expect(actOf(press("3"), REASONS)).toEqual({ act: "away", reason: "lunch" });
    expect(actOf(press("4"), REASONS)).toBeNull();
  });

  test("mean nothing in chords, while held, or while an input method composes", () => {
    for (const part of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }, { repeat: true }, { isComposing: true }]) {
      expect(actOf(press("x", part), REASONS)).toBeNull();
    }
    expect(actOf(press("Enter"), REASONS)).toBeNull();
  });

  test("work with a Chinese input method switched on, by their place", () => {
    expect(actOf(press("Process", { code: "KeyT" }), REASONS)).toEqual({ act: "transfer" });
    expect(actOf(press("Process", { code: "Digit1" }), REASONS)).toEqual({ act: "available" });
    expect(actOf(press("Process", { code: "Space" }), REASONS)).toBeNull();
  });
});

test("letters belong to who writes, chooses or reads a dialog", () => {
  document.body.innerHTML = `<textarea id="a"></textarea><div contenteditable="true"><b id="b">x</b></div><button id="c"></button>`;
  const at = (id: string): Element | null => document.getElementById(id);
  expect([isWriting(at("a")), isWriting(at("b")), isWriting(at("c")), isWriting(null)]).toEqual([true, true, false, false]);
  expect(dialogIsOpen(document)).toBe(false);
  document.body.innerHTML = `<section role="dialog"></section>`;
  expect(dialogIsOpen(document)).toBe(true);
});
