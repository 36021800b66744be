// Passkeys: asks the server what to ask the device, asks the device, and sends its answer with the form
// that the button stands in. A page without this script offers no passkeys and works otherwise.

const decode = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const encode = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

// What the server sends is JSON; a device wants bytes.
const bytes = (options) => {
  options.challenge = decode(options.challenge);
  if (options.user) options.user.id = decode(options.user.id);
  for (const name of ["excludeCredentials", "allowCredentials"]) {
    for (const known of options[name] ?? []) known.id = decode(known.id);
  }
  return options;
};

const told = (credential) => {
  const { response } = credential;
  const answer = { clientDataJSON: encode(response.clientDataJSON) };
  if (response.attestationObject) {
    answer.attestationObject = encode(response.attestationObject);
    answer.transports = response.getTransports?.() ?? [];
  } else {
    answer.authenticatorData = encode(response.authenticatorData);
    answer.signature = encode(response.signature);
    answer.userHandle = response.userHandle && encode(response.userHandle);
  }
  const id = encode(credential.rawId);
  return JSON.stringify({ id, rawId: id, type: credential.type, response: answer, extensions: {} });
};

const ask = async (form, path) => {
  const reply = await fetch(path, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  const kind = reply.headers.get("content-type") ?? "";
  const asked = kind.startsWith("application/json") ? await reply.json() : {};
  if (!asked.ticket) throw new Error(asked.error ?? "The server did not answer as expected.");
  return asked;
};

const send = (form, ticket, credential) => {
  form.elements.ticket.value = ticket;
  form.elements.answer.value = told(credential);
  // Not requestSubmit: the password that a passkey takes the place of is empty.
  form.submit();
};

const run = async (button) => {
  const { form } = button;
  const wrong = document.getElementById("passkey-error");
  if (wrong) wrong.hidden = true;
  button.disabled = true;
  try {
    waiting?.abort();
    const asked = await ask(form, button.dataset.ask);
    const publicKey = bytes(asked.publicKey);
    const credential = button.dataset.passkey === "make"
      ? await navigator.credentials.create({ publicKey })
      : await navigator.credentials.get({ publicKey });
    send(form, asked.ticket, credential);
  } catch (error) {
    if (wrong) {
      wrong.textContent = error.name === "NotAllowedError" || error.name === "AbortError"
        ? "Nothing was chosen. Try again, or go on without a passkey."
        : error.message;
      wrong.hidden = false;
    }
  } finally {
    button.disabled = false;
  }
};

// A browser that knows passkeys of this site offers them where the e-mail address is typed.
let waiting;
const offer = async (button) => {
  if (!await globalThis.PublicKeyCredential?.isConditionalMediationAvailable?.()) return;
  waiting = new AbortController();
  try {
    const asked = await ask(button.form, button.dataset.ask);
    const publicKey = bytes(asked.publicKey);
    const { signal } = waiting;
    const credential = await navigator.credentials.get({ publicKey, signal, mediation: "conditional" });
    if (credential) send(button.form, asked.ticket, credential);
  } catch {
    // Whoever did not choose one types on.
  }
};

for (const button of document.querySelectorAll("[data-passkey]")) {
  if (!globalThis.PublicKeyCredential) {
    const group = button.closest("[data-script]") ?? button;
    delete group.dataset.script;
    group.hidden = true;
    continue;
  }
  button.addEventListener("click", () => run(button));
  if (document.querySelector("input[autocomplete~=webauthn]")) offer(button);
}
