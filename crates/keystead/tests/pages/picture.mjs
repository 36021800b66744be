// Pictures for documents: PNGs with 256 colours and the best compression, a third of what a browser
// makes.
import { crc32, deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const COLOURS = 256;

/** The picture of `png` with its most frequent colours alone; each other becomes the nearest. */
export function small(png) {
  const { width, height, depth, pixels } = read(png);
  const at = (place) => pixels.readUIntBE(place * depth, 3);
  const counts = new Map();
  for (let place = 0; place < width * height; place += 1) {
    counts.set(at(place), (counts.get(at(place)) ?? 0) + 1);
  }
  const frequent = [...counts].toSorted(([, a], [, b]) => b - a).slice(0, COLOURS);
  const palette = frequent.map(([colour]) => colour);
  const indices = new Map([...counts.keys()].map((colour) => [colour, nearest(palette, colour)]));
  const rows = Buffer.alloc((width + 1) * height);
  for (let place = 0; place < width * height; place += 1) {
    // Each row begins with how it is filtered: not at all.
    rows[place + Math.floor(place / width) + 1] = indices.get(at(place));
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  // Eight bits a pixel, which stand for a colour of the palette.
  head.set([8, 3, 0, 0, 0], 8);
  const colours = Buffer.alloc(palette.length * 3);
  for (const [index, colour] of palette.entries()) colours.writeUIntBE(colour, index * 3, 3);
  const packed = deflateSync(rows, { level: 9 });
  return Buffer.concat([SIGNATURE, chunk("IHDR", head), chunk("PLTE", colours),
    chunk("IDAT", packed), chunk("IEND", Buffer.alloc(0))]);
}

/** What a browser's picture shows: eight bits a channel, in rows from the top. */
function read(png) {
  const packed = [];
  let head;
  for (let at = SIGNATURE.length; at < png.length;) {
    const length = png.readUInt32BE(at);
    const kind = png.toString("latin1", at + 4, at + 8);
    const data = png.subarray(at + 8, at + 8 + length);
    if (kind === "IHDR") head = data;
    if (kind === "IDAT") packed.push(data);
    at += length + 12;
  }
  const [width, height] = [head.readUInt32BE(0), head.readUInt32BE(4)];
  const depth = { 2: 3, 6: 4 }[head[9]];
  if (head[8] !== 8 || !depth || head[12] !== 0) throw new Error("no browser makes such a picture");
  const filtered = inflateSync(Buffer.concat(packed));
  const row = width * depth;
  const pixels = Buffer.alloc(row * height);
  for (let y = 0; y < height; y += 1) {
    const filter = filtered[y * (row + 1)];
    for (let x = 0; x < row; x += 1) {
      const left = x >= depth ? pixels[y * row + x - depth] : 0;
      const above = y > 0 ? pixels[(y - 1) * row + x] : 0;
      const corner = x >= depth && y > 0 ? pixels[(y - 1) * row + x - depth] : 0;
      const guess = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter];
      pixels[y * row + x] = filtered[y * (row + 1) + 1 + x] + guess;
    }
  }
  return { width, height, depth, pixels };
}

/** The predictor of the PNG specification, 9.4. */
function paeth(left, above, corner) {
  const [a, b, c] = [left, above, corner].map((one) => Math.abs(left + above - corner - one));
  if (a <= b && a <= c) return left;
  return b <= c ? above : corner;
}

function nearest(palette, colour) {
  const parts = (of) => [of >> 16, (of >> 8) & 255, of & 255];
  const wanted = parts(colour);
  const far = (of) => parts(of).reduce((sum, part, index) => sum + (part - wanted[index]) ** 2, 0);
  let best = 0;
  for (const [index, of] of palette.entries()) if (far(of) < far(palette[best])) best = index;
  return best;
}

function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}
