// The sample page: it asks its own backend for tokens, and takes what the AddOns hand over.

async function getToken() {
  const answer = await fetch("/token", { method: "POST" });
  if (!answer.ok) throw new Error("no token");
  return answer.json();
}

const find = (id) => document.getElementById(id);
const addons = document.querySelectorAll("keystead-addon");
await customElements.whenDefined("keystead-addon");
for (const addon of addons) addon.getToken = getToken;

const letter = find("letter");
const write = find("write");
write.suggestions = [
  { label: "Make it warmer", prompt: "Make this letter warmer." },
  { label: "Make it shorter", prompt: "Make this letter shorter." },
  { label: "A subject line", prompt: "Write a subject line for this letter." },
];
const tell = () => { write.context = letter.value; };
letter.addEventListener("input", tell);
tell();
write.addEventListener("keystead-apply", ({ detail }) => {
  letter.value = detail.text;
  tell();
});

find("translate").value = "Your letter leaves our workshop tomorrow morning.";

const letterhead = find("letterhead");
const describe = find("describe");
find("picture").value = "A lighthouse on a hill, at sunset";
find("picture").addEventListener("keystead-apply", ({ detail }) => {
  if (letterhead.src) URL.revokeObjectURL(letterhead.src);
  letterhead.src = URL.createObjectURL(detail.image);
  letterhead.hidden = false;
  describe.image = detail.image;
});
describe.addEventListener("keystead-apply", ({ detail }) => {
  letterhead.alt = detail.text;
});
