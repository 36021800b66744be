// Elements, without a line of markup: nothing here turns text into HTML.

/**
 * An element; its parts are its classes too.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | undefined>} [attributes] Those that are `undefined` are left out.
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    element.setAttribute(name, value);
    if (name === "part") element.className = value;
  }
  element.append(...children);
  return element;
}
