// Whether people can use a page at all: axe-core's rules, and that nothing is wider than the window.
import { DESKTOP, NARROW, source } from "./browser.mjs";

const AXE = source("axe-core");

const RULES = {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  resultTypes: ["violations"],
};

/** Every way to look at a page that has to work. */
export const WAYS = ["light", "dark"].flatMap((theme) =>
  [NARROW, DESKTOP].map((size) => ({ theme, size })));

/** What is wrong with the page as it stands, in one way to look at it; a line each. */
export async function wrongs(page, { theme, size }) {
  await page.emulateMedia({ colorScheme: theme });
  await page.setViewportSize(size);
  const where = `${new URL(page.url()).pathname}, ${size.width} px, ${theme}`;
  const { violations, passes, overflow } = await look(page);
  if (passes === 0) throw new Error(`axe looked at nothing: ${where}`);
  const lines = violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id} (${help}) on ${where}: ${node.target} ${node.any}`));
  if (overflow > 0) lines.push(`the page is ${overflow} px too wide on ${where}`);
  return lines;
}

/** In a world of its own: the page's policy does not hold there, and the page notices nothing. */
async function look(page) {
  const cdp = await page.context().newCDPSession(page);
  const { frameTree } = await cdp.send("Page.getFrameTree");
  const world = { frameId: frameTree.frame.id, worldName: "axe" };
  const { executionContextId: contextId } = await cdp.send("Page.createIsolatedWorld", world);
  const evaluate = async (expression) => {
    const asked = { expression, contextId, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await cdp.send("Runtime.evaluate", asked);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description);
    return result.value;
  };
  await evaluate(`${AXE};0`);
  const found = await evaluate(`axe.run(document, ${JSON.stringify(RULES)}).then((found) => ({
    passes: found.passes.length,
    violations: found.violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map(
      ({ target, any }) => ({ target: target.join(" "), any: any.map((a) => a.message).join("; ") })) })),
    overflow: document.scrollingElement.scrollWidth - innerWidth,
  }))`);
  await cdp.detach();
  return found;
}
