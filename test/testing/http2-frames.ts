// Frames of HTTP/2 as bytes, for clients that do what no library does.

/** RFC 9113, 4.1. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A client's first bytes: the preface and empty SETTINGS. */
export const preface = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frame(4, 0, 0, Buffer.alloc(0)),
]);

/** One frame or several, repeated: `make` receives the number of the repetition. */
export const repeat = (times: number, make: (i: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: times }, (_, i) => make(i)));

/** GET of http:/ at host x, by HPACK's static table (RFC 7541, A). */
export const getRoot = Buffer.from([0x82, 0x86, 0x84, 0x41, 0x01, 0x78]);

/** RST_STREAM with CANCEL, on the i-th stream of a client. */
export const reset = (i: number): Buffer => frame(3, 0, 2 * i + 1, Buffer.from([0, 0, 0, 8]));

/** The header block of a gRPC call with a path of fewer than 128 bytes. */
export function callHead(path: string, headers: Readonly<Record<string, string>> = {}): Buffer {
  const fields = {
    ":path": path,
    ":authority": "x",
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  };
  return Buffer.concat([
    Buffer.from([0x83, 0x86]),
    ...Object.entries(fields).map(([name, value]) =>
      Buffer.concat([
        Buffer.from([0, name.length]),
        Buffer.from(name),
        Buffer.from([value.length]),
        Buffer.from(value),
      ]),
    ),
  ]);
}

/** A whole call with an empty message, on the i-th stream of a client. */
export const emptyCall = (i: number, head: Buffer): Buffer =>
  Buffer.concat([frame(1, 4, 2 * i + 1, head), frame(0, 1, 2 * i + 1, Buffer.alloc(5))]);
