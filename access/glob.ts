// Patterns of names: "*" stands for any characters, or none; every other character stands for
// itself.

const shape = /^[A-Za-z0-9._:*-]{1,160}$/;

/** Whether a text can be a pattern of producer ids. For machines, see machine-pattern.ts. */
export const isGlob = (text: string): boolean => shape.test(text);

/**
 * Whether a pattern fits the whole name. Time grows with the product of their lengths at most,
 * whatever the pattern.
 */
export function fitsGlob(glob: string, name: string): boolean {
  let [g, n] = [0, 0];
  // Where to go on if what follows the last star does not fit: the star takes one character more.
  let [star, taken] = [-1, 0];
  while (n < name.length) {
    if (glob[g] === "*") {
      star = g++;
      taken = n;
    } else if (glob[g] === name[n]) {
      g++;
      n++;
    } else if (star >= 0) {
      g = star + 1;
      n = ++taken;
    } else return false;
  }
  while (glob[g] === "*") g++;
  return g === glob.length;
}

export const fitsAny = (globs: readonly string[], name: string): boolean =>
  globs.some((glob) => fitsGlob(glob, name));
