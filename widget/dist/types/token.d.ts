export type Token = string | {
    access_token: string;
    expires_in?: number;
};
/**
 * Gives a token that has not ended, and asks for one at a time however many calls want it. `refused` is one
 * that the gateway did not take: another is asked for, unless that has happened since.
 *
 * @param {() => Token | Promise<Token>} ask
 * @returns {(refused?: string) => Promise<string>}
 */
export declare function tokenSource(ask: () => Token | Promise<Token>): (refused?: string) => Promise<string>;
