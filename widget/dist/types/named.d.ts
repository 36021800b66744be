/**
 * @param {string} phrases With bars between them.
 * @returns {import("./words.js").Catalogue}
 */
export declare function named(phrases: string): import("./words.js").Catalogue;
