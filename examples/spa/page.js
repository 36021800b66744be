// The page: somebody signs in, asks, and reads the answer as it comes.
import { Refused, Session } from "./oauth.js";

const main = document.querySelector("main");
const { keystead: server, clientId: client, handle } = main.dataset;
const part = (id) => document.getElementById(id);
const session = new Session({ server, client, scope: `addon:${handle}` });

/** What goes wrong, in words; anything else is told by its code. */
const WORDS = {
  access_denied: "You said no, and nothing was changed.",
  user_key_missing: "This needs a key of your own.",
  user_key_refused: "Your provider did not accept your key.",
  user_key_paused: "Your key is paused.",
  user_key_ended: "What you allowed this application has ended.",
  user_key_model: "Your key is not for this model.",
  revoked: "It was taken back while the answer came.",
  free_tier_used: "What is free is used up. You can go on with a key of your own.",
  budget_exhausted: "The allowance is used up.",
  rate_limited: "That was a little too fast. Try again in a moment.",
};
/** What a key of one's own would help. */
const WANTS_KEY = new Set(["user_key_missing", "user_key_refused", "user_key_ended", "user_key_model", "free_tier_used"]);
/** What only the question helps. */
const SIGNED_OUT = new Set(["signed_out", "unauthenticated", "invalid_grant"]);

async function ask(input) {
  const address = `${server}/run/${client}/${handle}`;
  const headers = { "content-type": "application/json", accept: "text/event-stream" };
  const answer = await session.fetch(address, { method: "POST", headers, body: JSON.stringify({ task: "text", input }) });
  if (!answer.ok) {
    const { error } = await answer.json();
    throw new Refused(error.code, error.message);
  }
  part("status").textContent = "The answer comes…";
  for await (const { name, data } of events(answer.body)) {
    // As text, never as markup: a model may have written anything.
    if (name === "delta") part("answer").append(data.text);
    if (name === "error") throw new Refused(data.code, data.message);
    if (name === "done") return;
  }
  throw new Refused("broke_off");
}

/** The events of a stream, as soon as each is whole. */
async function* events(body) {
  let rest = "";
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    const blocks = (rest + piece.value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const field = (name) => block.match(new RegExp(`^${name}: ?(.*)$`, "m"))?.[1];
      if (field("data")) yield { name: field("event"), data: JSON.parse(field("data")) };
    }
  }
}

function show(code, message) {
  const isTrouble = code !== undefined;
  part("trouble").hidden = !isTrouble;
  part("trouble").textContent = isTrouble ? (WORDS[code] ?? `It did not work: ${message ?? code}`) : "";
  part("connect").hidden = !WANTS_KEY.has(code);
  part("enter").hidden = session.isSignedIn;
  part("ask").hidden = !session.isSignedIn;
}

async function attempt(work) {
  try {
    await work();
    show();
  } catch (error) {
    const code = error instanceof Refused ? error.code : "unreachable";
    part("status").textContent = "";
    if (SIGNED_OUT.has(code)) await session.end();
    show(SIGNED_OUT.has(code) ? undefined : code, error.message);
  }
}

part("enter").onclick = () => session.leave();
// Asked anew, the page at Keystead takes a key as well.
part("connect").onclick = () => session.leave({ prompt: "consent" });
part("leave").onclick = () => attempt(async () => {
  await session.end();
  part("answer").hidden = true;
});
part("ask").onsubmit = (event) => {
  event.preventDefault();
  part("answer").hidden = false;
  part("answer").replaceChildren();
  part("status").textContent = "Asking…";
  attempt(async () => {
    await ask(part("prompt").value);
    part("status").textContent = "The answer is ready.";
  });
};

attempt(() => session.comeBack());
