/** One sheet for every AddOn of a page. */
export declare function styleSheet(): CSSStyleSheet;
