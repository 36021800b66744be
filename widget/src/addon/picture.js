// Pictures, in and out: only what is one by its first bytes, and never by somebody else's address.

/** @typedef {import("../client.js").PictureType} PictureType */

/** How the base64 of each type begins. */
const STARTS = {
  "image/png": /^iVBORw0KGgo/,
  "image/jpeg": /^\/9j\//,
  "image/gif": /^R0lGOD/,
  "image/webp": /^UklGR.{7}RUJQ/,
};

/** For `accept` of a field. */
export const TYPES = Object.keys(STARTS).join();

/**
 * The type that a picture really has; `undefined` if it is none that is shown.
 *
 * @param {string} base64
 */
export function typeOf(base64) {
  const found = Object.entries(STARTS).find(([, start]) => start.test(base64));
  return /** @type {PictureType | undefined} */ (found?.[0]);
}

/**
 * The picture in an answer; `undefined` as above.
 *
 * @param {string} base64
 */
export function pictureOf(base64) {
  const type = typeOf(base64);
  return type && new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], { type });
}

/**
 * A picture as the wire wants it; `undefined` as above.
 *
 * @param {Blob} picture
 */
export async function wired(picture) {
  /** @type {string} */
  const address = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(/** @type {string} */ (reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(picture);
  });
  const data = address.slice(address.indexOf(",") + 1);
  const type = typeOf(data);
  return type && { type, data };
}
