// What pages can do only with a script: copy, ask before leaving a secret, put the focus on what is
// wrong. Everything else works without. No other script runs here (see the page's security policy).

const copied = "Copied";

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element && event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  if (!source) return;
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    button.textContent = copied;
  } catch {
    // No permission, or no clipboard on plain HTTP: select it for the person to copy.
    source.select?.();
    getSelection()?.selectAllChildren(source);
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => { button.textContent = before; }, 2000);
});

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element && event.target.closest("[data-download]");
  if (!link) return;
  const source = document.getElementById(link.dataset.download);
  const address = URL.createObjectURL(new Blob([source.textContent + "\n"], { type: "text/plain" }));
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = link.dataset.name ?? "keystead.env";
  anchor.click();
  URL.revokeObjectURL(address);
});

// A secret is shown while its button is pressed in, and leaves the page with the person.
document.addEventListener("click", (event) => {
  const button = event.target instanceof Element && event.target.closest("[data-show]");
  if (!button) return;
  const field = document.getElementById(button.dataset.show);
  const shows = field.type === "password";
  field.type = shows ? "text" : "password";
  button.textContent = shows ? "Hide" : "Show";
  button.setAttribute("aria-pressed", String(shows));
});
addEventListener("pagehide", () => {
  for (const field of document.querySelectorAll("input.secret")) field.value = "";
});

// What needs this script is hidden without it, and what is said instead with it.
for (const element of document.querySelectorAll("[data-script]")) element.hidden = false;
for (const element of document.querySelectorAll("[data-no-script]")) element.hidden = true;

document.querySelector("[data-focus]")?.focus();

// On a narrow screen the places stand in a row that scrolls: to where one is.
const here = document.querySelector(".places [aria-current]");
const row = here?.closest(".places");
if (row) row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;

// A form is sent once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 5000);
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form")) delete form.dataset.sent;
});
