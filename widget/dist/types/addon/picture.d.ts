export type PictureType = import("../client.js").PictureType;
/** For `accept` of a field. */
export declare const TYPES: string;
/**
 * The type that a picture really has; `undefined` if it is none that is shown.
 *
 * @param {string} base64
 */
export declare function typeOf(base64: string): PictureType | undefined;
/**
 * The picture in an answer; `undefined` as above.
 *
 * @param {string} base64
 */
export declare function pictureOf(base64: string): Blob | undefined;
/**
 * A picture as the wire wants it; `undefined` as above.
 *
 * @param {Blob} picture
 */
export declare function wired(picture: Blob): Promise<{
    type: import("../client.js").PictureType;
    data: string;
} | undefined>;
