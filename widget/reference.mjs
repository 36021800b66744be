// The element's page of the reference, from `custom-elements.json`.

/** @param {any} manifest */
export function referenceOf(manifest) {
  const [element] = manifest.modules[0].declarations;
  const { tagName, description, attributes, members, events, slots, cssParts, cssProperties, cssStates } = element;
  const code = (text) => (text ? `\`${text}\`` : "");
  const fields = members.filter(({ kind }) => kind === "field");
  const methods = members.filter(({ kind }) => kind === "method");
  const call = ({ name, parameters = [] }) => `${name}(${parameters.map((one) => `${one.name}${one.optional ? "?" : ""}`)})`;
  return [
    `# \`<${tagName}>\``,
    "",
    "Made from `custom-elements.json` by a test.",
    "",
    description,
    "[An AddOn in your page](../guides/addon-in-your-page.md) shows it at work.",
    "",
    ...table("Attributes", ["attribute", "value", "what it does", "without it"],
      attributes.map((one) => [code(one.name), code(one.type.text), one.description, one.default ?? ""])),
    ...table("Properties", ["property", "type", "what it is"],
      fields.map((one) => [code(one.name) + (one.readonly ? " (read-only)" : ""), code(one.type.text), one.description])),
    ...table("Methods", ["method", "what it does"], methods.map((one) => [code(call(one)), one.description])),
    ...table("Events", ["event", "`detail`", "when"],
      events.map((one) => [code(one.name), code(one.type.text.slice("CustomEvent<".length, -1)), one.description])),
    "All bubble and cross shadow roots. None has a token in it.",
    "",
    ...table("States", ["state", "meaning"], cssStates.map((one) => [code(one.name), one.description])),
    "In `element.state`, and for style sheets `keystead-addon:state(streaming)`.",
    "",
    ...table("Slots", ["slot", "what goes there"], slots.map((one) => [code(one.name), one.description])),
    ...table("Parts", ["part", "what it is"], cssParts.map((one) => [code(one.name), one.description])),
    ...table("Custom properties", ["property", "what it sets", "default"],
      cssProperties.map((one) => [code(one.name), one.description, code(one.default)])),
  ].join("\n");
}

function table(title, heads, rows) {
  // A bar would end its cell.
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [`## ${title}`, "", line(heads), line(heads.map(() => "---")).replaceAll(" ", ""), ...rows.map(line), ""];
}
