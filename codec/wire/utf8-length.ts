// How many bytes a text takes as UTF-8, in Node and in a browser.

/** Of a lone surrogate, as of any encoder: the three bytes of U+FFFD. */
export const utf8Length: (text: string) => number =
  typeof Buffer === "undefined"
    ? (text) => new TextEncoder().encode(text).length
    : (text) => Buffer.byteLength(text);
