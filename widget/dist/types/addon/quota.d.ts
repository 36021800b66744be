export type Limit = import("../client.js").Limit;
export type Words = import("../words.js").Words;
/**
 * The limit that ends first, in words; empty if there is nothing to tell.
 *
 * @param {Limit[]} limits
 * @param {Words} words
 */
export declare function quotaOf(limits: Limit[], words: Words): string;
