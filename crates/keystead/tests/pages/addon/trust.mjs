// What the AddOn never does, whatever comes, and what a page has a say in.
import assert from "node:assert/strict";

import { run } from "../browser.mjs";
import { addon, said, setUp, tell, until } from "./scene.mjs";

const HOSTILE = "<img src=x onerror=\"globalThis.pwned=1\"><script>pwned=1</script>\u202eesrever\u2066 </div>{{7*7}} javascript:alert(1)";
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

await run(async (visit, { file }) => {
  const stage = await setUp(visit, file);
  const { answerOf, close, heard, holds, open, own, people, stand } = stage;

  return tell(stage, {
    async "a token is renewed in the middle of a conversation, once, and nobody notices"() {
      stand.addon("chat", "text", (task, answer) => answer.delta("Yes.").done());
      const page = await open("/renewed", addon(stand.url, "chat"), ["chat"]);
      const before = stage.minted;
      const ask = async (times) => {
        await page.getByRole("textbox").fill("Still there?");
        await page.keyboard.press("Enter");
        await page.waitForFunction((n) => heard.filter(([name]) => name === "done").length === n, times);
      };
      await ask(1);
      assert.equal(stage.minted, before, "the token that asked what the AddOn is does for more");
      stand.refused.length = 0;
      stand.tokens.clear();
      await ask(2);
      assert.deepEqual([stage.minted - before, stand.refused.length], [1, 1]);

      // One that ends soon is renewed before it is refused.
      stage.life = 1;
      stand.tokens.clear();
      await ask(3);
      await page.waitForTimeout(1_100);
      stand.refused.length = 0;
      await ask(4);
      assert.equal(stand.refused.length, 0);
      assert.deepEqual(await heard(page, "error"), []);
      stage.life = 600;
      await close(page);
    },

    async "a token that stays refused is said in words, and asked for once"() {
      stand.addon("chat", "text", (task, answer) => answer.delta("Yes.").done());
      const page = await open("/refused", addon(stand.url, "chat"), ["chat"]);
      await page.evaluate(() => { chat.getToken = async () => { minted += 1; return "nothing"; }; });
      stand.tokens.clear();
      await page.getByRole("textbox").fill("Still there?");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").getByText("Your session has ended.").waitFor();
      assert.equal(await page.getByRole("textbox").inputValue(), "Still there?");
      await page.evaluate(() => { chat.getToken = mint; });
      await page.getByRole("button", { name: "Try again" }).click();
      await until(page, "chat", "done");
      assert.equal(await page.locator(".answer").textContent(), "Yes.");
      await close(page);
    },

    async "a hostile answer stays text, and a hostile picture none"() {
      stand.addon("chat", "text", (task, answer) => { for (const letter of HOSTILE) answer.delta(letter); answer.done(); });
      stand.addon("draw", "image", (task, answer) => {
        const bytes = Buffer.from(task.input === "svg" ? "<svg xmlns='http://www.w3.org/2000/svg' onload='pwned=1'/>" : "<html><script>pwned=1</script>");
        answer.image("image/svg+xml", bytes.toString("base64"));
        answer.done();
      });
      const page = await open("/hostile", addon(stand.url, "chat") + addon(stand.url, "draw"), ["chat", "draw"]);
      await page.locator("#chat textarea").fill(HOSTILE.replaceAll("\n", " "));
      await page.keyboard.press("Enter");
      await until(page, "chat", "done");
      assert.equal(await page.locator("#chat .answer").textContent(), HOSTILE);
      assert.equal(await page.locator("#chat .answer *, #chat .user .text *").count(), 0);
      for (const kind of ["svg", "html"]) {
        await page.locator("#draw textarea").fill(kind);
        await page.locator("#draw .send").click();
        await until(page, "draw", "unusable");
        assert.equal(await page.locator("#draw .output img").count(), 0);
      }
      assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
      await close(page);
    },

    async "pictures are shown from memory, and let go"() {
      stand.addon("draw", "image", (task, answer) => { answer.image("image/png", PIXEL); answer.done(); });
      const page = await open("/draw", addon(stand.url, "draw", "apply"), ["draw"]);
      const shapes = [];
      const addresses = [];
      for (const shape of ["Landscape", "Portrait"]) {
        await page.getByRole("textbox").fill("A letterbox");
        await page.getByRole("combobox", { name: "Image" }).selectOption(shape);
        await page.getByRole("button", { name: "Create" }).click();
        await page.waitForFunction((n) => heard.filter(([name]) => name === "done").length === n, shapes.length + 1);
        shapes.push(stand.calls.at(-2).task?.shape ?? stand.calls.at(-1).task?.shape);
        const picture = page.getByRole("img", { name: "A letterbox" });
        assert.equal(await picture.evaluate((img) => img.decode().then(() => img.naturalWidth)), 1);
        addresses.push(await picture.getAttribute("src"));
      }
      assert.deepEqual(shapes, ["landscape", "portrait"]);
      assert.ok(addresses.every((address) => address.startsWith("blob:")), addresses);
      assert.equal(await page.getByRole("link", { name: "Download" }).getAttribute("href"), addresses[1]);
      await page.getByRole("button", { name: "Apply" }).click();
      const applied = await page.evaluate(() => heard.filter(([name]) => name === "apply").map(([, , { image }]) => [image.type, image.size]));
      assert.deepEqual(applied, [["image/png", Buffer.from(PIXEL, "base64").length]]);
      await page.evaluate(() => draw.destroy());
      const isGone = (address) => page.evaluate((src) => new Promise((told) => {
        const image = new Image();
        image.onload = () => told(false);
        image.onerror = () => told(true);
        image.src = src;
      }), address);
      for (const address of addresses) assert.equal(await isGone(address), true);
      await close(page);
      people.expect(/ERR_FILE_NOT_FOUND/);
    },

    async "a page that may not call says so to its makers, not to its users"() {
      stand.addon("chat", "text", () => undefined);
      stand.origins.clear();
      const page = await people.person();
      const warned = [];
      page.on("console", (message) => message.type() === "warning" && warned.push(message.text()));
      await page.goto(own.page("/unlisted", addon(stand.url, "chat")));
      await page.getByRole("alert").getByText("This is not available here at the moment.").waitFor();
      assert.equal(warned.length, 1, warned);
      assert.ok(warned[0].includes(`add ${own.url} to the origins of the application in the Developer Console`), warned[0]);
      stand.origins.add(own.url);
      await close(page);
      people.expect(/CORS|ERR_FAILED/);
    },

    async "nothing of a token is in the page, in an event, in an address or kept"() {
      stand.addon("chat", "text", (task, answer) => answer.delta("Yes.").done());
      const page = await people.person();
      const addresses = [];
      page.on("request", (request) => addresses.push(request.url()));
      await page.goto(own.page("/nowhere-kept", addon(stand.url, "chat")));
      await until(page, "chat", "idle");
      await page.getByRole("textbox").fill("Hello");
      await page.keyboard.press("Enter");
      await until(page, "chat", "done");
      const kept = await page.evaluate(async () => JSON.stringify([
        document.documentElement.outerHTML, chat.shadowRoot.innerHTML, heard, { ...localStorage }, { ...sessionStorage },
        document.cookie, await indexedDB.databases(), await caches.keys(), Object.entries(chat).map(String), history.state,
      ]));
      const all = kept + addresses.join();
      assert.ok(kept.includes("Yes.") && addresses.some((address) => address.includes("/run/cl_1/chat")), "it was looked at");
      assert.ok(!/token-\d/.test(all), all);
      await close(page);
    },

    async "a page has the last word on what is sent"() {
      stand.addon("chat", "text", (task, answer) => answer.delta("Yes.").done());
      const page = await open("/word", addon(stand.url, "chat", "data-suggestions='Shorter|Longer' max-length=5"), ["chat"]);
      stand.calls.length = 0;
      await page.evaluate(() => chat.addEventListener("keystead-submit", (event) => event.preventDefault(), { once: true }));
      await page.getByRole("button", { name: "Shorter" }).click();
      assert.equal(stand.calls.length, 0);
      await page.evaluate(() => { chat.suggestions = [{ label: "Kinder", prompt: "Make it kinder" }]; });
      await page.getByRole("button", { name: "Kinder" }).click();
      await until(page, "chat", "done");
      assert.deepEqual(stand.calls.find(({ method }) => method === "POST").task.input, [{ role: "user", content: "Make it kinder" }]);
      assert.equal(await page.getByRole("button", { name: "Kinder" }).count(), 0);
      await page.evaluate(() => chat.setAttribute("disabled", ""));
      await page.waitForFunction(() => chat.shadowRoot.querySelector("form").inert);
      await page.evaluate(() => chat.send("No"));
      assert.equal(await page.evaluate(() => chat.state), "done");
      await close(page);
    },

    async "what a page set before the widget was there counts"() {
      stand.addon("chat", "text", (task, answer) => answer.delta("Yes.").done());
      const early = `
        const chat = document.querySelector("#chat");
        chat.getToken = async () => (await fetch("/token", { method: "POST" })).json();
        chat.suggestions = ["Early"];
        chat.messages = [{ role: "user", content: "Before" }, { role: "assistant", content: "Indeed" }];
        chat.context = "Around";
        chat.value = "Typed";
      `;
      own.file("/early.js", "text/javascript", early);
      const page = await people.person();
      // A script that is deferred runs before the modules after it.
      const later = `${stand.url}/widget/v1.js`;
      await page.goto(own.page("/early", `${addon(stand.url, "chat")}<script src="/early.js"></script>`, { src: later }));
      await until(page, "chat", "idle");
      assert.equal(await page.getByRole("textbox").inputValue(), "Typed");
      assert.equal(await page.getByRole("button", { name: "Early" }).count(), 1);
      stand.calls.length = 0;
      await page.evaluate(() => chat.send());
      await until(page, "chat", "done");
      const { input } = stand.calls.find(({ method }) => method === "POST").task;
      assert.deepEqual(input.map(({ content }) => content), ["Before", "Indeed", "Typed\n\nAround"]);
      await close(page);
    },

    async "an AddOn that is moved goes on, and one that is taken away ends"() {
      stand.addon("chat", "text", holds("chat"));
      const page = await open("/moved", addon(stand.url, "chat"), ["chat"]);
      await page.getByRole("textbox").fill("Hold on");
      await page.keyboard.press("Enter");
      await until(page, "chat", "waiting");
      const answer = (await answerOf("chat")).delta("Here");
      await until(page, "chat", "streaming");
      await page.evaluate(() => document.querySelector("main").prepend(chat));
      answer.delta(" and there");
      await page.locator(".answer", { hasText: "Here and there" }).waitFor();
      await page.evaluate(() => { globalThis.kept = chat; chat.remove(); });
      await answer.left;
      assert.equal(answer.isLeft, true);
      await page.evaluate(() => document.querySelector("main").append(kept));
      await until(page, "chat", "idle");
      assert.equal(await page.locator(".answer").count(), 0);
      await close(page);
    },
  });
});
