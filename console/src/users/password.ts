// A password that can be told over a telephone: no letters that sound or look alike.

const LETTERS = "abcdefghkmnpqrstuvwxyz23456789";
const GROUPS = 4;
const GROUP_LENGTH = 5;

/** About 98 bits. `random` fills the bytes, so that tests can give their own. */
export function suggestPassword(random: (bytes: Uint8Array<ArrayBuffer>) => void = (bytes) => void crypto.getRandomValues(bytes)): string {
  let letters = "";
  const byte = new Uint8Array(1);
  // Bytes above the largest multiple are thrown away, else the first letters would come more often.
  const fair = 256 - (256 % LETTERS.length);
  while (letters.length < GROUPS * GROUP_LENGTH) {
    random(byte);
    const value = byte[0] ?? 0;
    if (value < fair) letters += LETTERS[value % LETTERS.length];
  }
  return (letters.match(new RegExp(`.{${GROUP_LENGTH}}`, "g")) ?? []).join("-");
}
