// The elements' pages of the reference, from `custom-elements.json`.

/** @param {any} module One of the manifest's. @param {string} guide The link to a guide. */
export function referenceOf(module, guide) {
  const [element] = module.declarations;
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
    `${guide} shows it at work.`,
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
    `In \`element.state\`, and for style sheets \`${tagName}:state(${cssStates.at(3).name})\`.`,
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
