// What the AddOn does when people use it, with a stand-in for the gateway whose every word is the test's.
import assert from "node:assert/strict";

import { run } from "../browser.mjs";
import { addon, focused, listen, said, setUp, tell, until } from "./scene.mjs";

const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

await run(async (visit, { file }) => {
  const stage = await setUp(visit, file);
  const { answerOf, close, heard, holds, open, people, stand } = stage;

  return tell(stage, {
    async "text appears as it comes, and is announced once"() {
      stand.addon("chat", "text", holds("chat"));
      const page = await open("/comes", addon(stand.url, "chat"), ["chat"]);
      await listen(page, "chat", "status");
      await page.getByLabel("What can I do for you?").fill("Say hello");
      await page.keyboard.press("Enter");
      await until(page, "chat", "waiting");
      assert.equal(await page.getByText("Generating…").first().isVisible(), true);
      const answer = await answerOf("chat");
      let whole = "";
      for (const piece of ["Hel", "lo, ", "Ada ", "é✓"]) {
        answer.delta(piece);
        whole += piece;
        await page.locator(".answer", { hasText: whole }).waitFor();
        assert.equal(await page.locator(".answer").textContent(), whole);
        assert.equal(await page.locator("[role=log]").getAttribute("aria-busy"), "true");
        assert.equal(await page.locator("[role=log]").getAttribute("aria-live"), "off");
      }
      assert.equal(await page.getByRole("button", { name: "Stop" }).isVisible(), true);
      answer.done();
      await until(page, "chat", "done");
      assert.equal(await page.locator("[role=log]").getAttribute("aria-busy"), "false");
      assert.deepEqual(await said(page), ["Generating…", "Answer ready"]);
      assert.equal(await focused(page, "chat"), "TEXTAREA");
      assert.deepEqual((await heard(page, "delta")).map(({ text }) => text), ["Hel", "lo, ", "Ada ", "é✓"]);
      assert.deepEqual(await heard(page, "start"), [{ requestId: "req_0192f3" }]);
      assert.deepEqual(await heard(page, "done"), [{ finishReason: "stop", model: "stand-in-1", usage: { input_tokens: 3, output_tokens: 5 } }]);
      await close(page);
    },

    async "Esc stops it, and the provider need not go on"() {
      stand.addon("chat", "text", holds("chat"));
      const page = await open("/stops", addon(stand.url, "chat"), ["chat"]);
      await listen(page, "chat", "status");
      for (const stop of ["Escape", "the button"]) {
        await page.getByRole("textbox").fill("Say a lot");
        await page.getByRole("button", { name: "Send" }).click();
        await until(page, "chat", "waiting");
        // The second click of a double one falls on what the first one made of the button.
        await page.getByRole("button", { name: "Stop" }).dispatchEvent("click", { detail: 2 });
        const answer = (await answerOf("chat")).delta("A little");
        await until(page, "chat", "streaming");
        if (stop === "Escape") await page.keyboard.press("Escape");
        else await page.getByRole("button", { name: "Stop" }).click();
        await until(page, "chat", "stopped");
        await answer.left;
        assert.equal(answer.isLeft, true, stop);
        assert.equal(await page.locator(".answer").last().textContent(), "A little");
        assert.equal(await focused(page, "chat"), stop === "Escape" ? "TEXTAREA" : "BUTTON");
      }
      assert.deepEqual(await said(page), ["Generating…", "Stopped", "Generating…", "Stopped"]);
      // Stopped before a word came: what was entered stands in the field again.
      await page.getByRole("textbox").fill("And now?");
      await page.keyboard.press("Enter");
      await answerOf("chat");
      await page.keyboard.press("Escape");
      await until(page, "chat", "stopped");
      assert.equal(await page.getByRole("textbox").inputValue(), "And now?");
      assert.equal(await page.locator(".answer").count(), 2);
      await close(page);
    },

    async "a conversation goes on, is tried again, and is forgotten"() {
      let asked = 0;
      stand.addon("chat", "text", (task, answer) => answer.delta(`Answer ${(asked += 1)}`).done());
      const page = await open("/talk", addon(stand.url, "chat", "apply='Insert' model=m-1"), ["chat"]);
      await page.evaluate(() => Object.assign(chat, { context: "The letter.", instructions: "Be kind." }));
      stand.calls.length = 0;
      const ask = async (text, times) => {
        await page.getByRole("textbox").fill(text);
        await page.keyboard.press("Enter");
        await page.locator(".answer", { hasText: `Answer ${times}` }).waitFor();
        await until(page, "chat", "done");
      };
      await ask("One", 1);
      await ask("Two", 2);
      await page.getByRole("button", { name: "Try again" }).click();
      await page.locator(".answer", { hasText: "Answer 3" }).waitFor();
      await until(page, "chat", "done");
      const says = (role, content) => ({ role, content });
      const history = [says("user", "One"), says("assistant", "Answer 1"), says("user", "Two\n\nThe letter.")];
      const tasks = stand.calls.filter(({ method }) => method === "POST").map(({ task }) => task);
      assert.deepEqual(tasks.map(({ input }) => input), [[says("user", "One\n\nThe letter.")], history, history]);
      assert.deepEqual([tasks[0].instructions, tasks[0].model], ["Be kind.", "m-1"]);
      assert.deepEqual(await page.locator(".answer").allTextContents(), ["Answer 1", "Answer 3"]);
      assert.deepEqual(await page.evaluate(() => chat.messages.map(({ content }) => content)), ["One", "Answer 1", "Two", "Answer 3"]);

      await page.getByRole("button", { name: "Insert" }).click();
      assert.deepEqual(await heard(page, "apply"), [{ text: "Answer 3" }]);
      await page.getByRole("button", { name: "Copy" }).click();
      await page.getByText("Copy ✓").waitFor();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "Answer 3");
      await page.getByRole("button", { name: "Clear" }).click();
      assert.equal(await page.locator(".answer").count(), 0);
      assert.deepEqual(await page.evaluate(() => chat.messages), []);
      assert.equal(await focused(page, "chat"), "TEXTAREA");
      await close(page);
    },

    async "a picture is described, wherever it comes from"() {
      stand.addon("alt", "alt-text", (task, answer) => answer.delta(`${task.image.type} in ${task.language}`).done());
      const page = await open("/alt", addon(stand.url, "alt", "lang=de"), ["alt"]);
      const buffer = Buffer.from(PIXEL, "base64");
      const send = page.getByRole("button", { name: "Beschreiben" });
      await send.click();
      assert.equal(await page.evaluate(() => alt.state), "idle", "nothing was chosen");
      await page.getByLabel("Bild auswählen").setInputFiles({ name: "a.png", mimeType: "image/png", buffer });
      await send.click();
      await page.locator(".answer", { hasText: "image/png in de" }).waitFor();
      assert.equal(stand.calls.findLast(({ task }) => task).task.image.data, PIXEL);
      await page.getByLabel("Bild auswählen").setInputFiles({ name: "a.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
      await send.click();
      await until(page, "alt", "unusable");
      await page.evaluate(async (data) => {
        alt.image = new Blob([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))]);
      }, PIXEL);
      await send.click();
      await until(page, "alt", "done");
      await close(page);
    },

    async "a text is translated into the language that was chosen"() {
      stand.addon("tr", "translation", (task, answer) => answer.delta(`${task.input} (${task.target})`).done());
      const page = await open("/tr", addon(stand.url, "tr", "languages='en de uk' lang=en"), ["tr"]);
      await page.getByRole("textbox").fill("Good");
      await page.keyboard.press("Enter");
      await page.keyboard.type("morning");
      await page.keyboard.press("Control+Enter");
      await page.locator(".answer", { hasText: "Good\nmorning (de)" }).waitFor();
      await page.getByLabel("Into").selectOption("Ukrainian");
      await page.getByRole("button", { name: "Translate" }).click();
      await page.locator(".answer", { hasText: "(uk)" }).waitFor();
      assert.equal(await page.locator(".answer").count(), 1);
      assert.equal(await page.getByRole("textbox").inputValue(), "Good\nmorning");
      await close(page);
    },

    async "two AddOns of one page do not meet"() {
      for (const handle of ["one", "two"]) stand.addon(handle, "text", holds(handle));
      const page = await open("/two", addon(stand.url, "one") + addon(stand.url, "two", "lang=de"), ["one", "two"]);
      const running = {};
      for (const handle of ["one", "two"]) {
        await page.locator(`#${handle} textarea`).fill(handle);
        await page.locator(`#${handle} .send`).click();
        await until(page, handle, "waiting");
        running[handle] = (await answerOf(handle)).delta(`for ${handle}`);
        await until(page, handle, "streaming");
      }
      await page.locator("#one textarea").press("Escape");
      await until(page, "one", "stopped");
      assert.equal(await page.evaluate(() => two.state), "streaming");
      running.two.done();
      await until(page, "two", "done");
      assert.deepEqual(await page.locator(".answer").allTextContents(), ["for one", "for two"]);
      assert.equal(await page.locator("#two").getByRole("button", { name: "Noch einmal" }).count(), 1);
      await close(page);
    },

    async "a wait runs down beside what is read aloud, and then it goes on"() {
      let asked = 0;
      const full = { scope: "user", what: "requests", limit: 5, remaining: 0, reset_s: 2 };
      stand.addon("chat", "text", (task, answer) => {
        asked += 1;
        if (asked > 1) return answer.delta("Now.").done();
        stand.tell("chat", { limits: [full] });
        return answer.refuse(429, { code: "rate_limited", retryable: true, retry_after: 2 });
      });
      const page = await open("/waits", addon(stand.url, "chat"), ["chat"]);
      await listen(page, "chat", "alert");
      await page.getByRole("textbox").fill("Quick");
      await page.keyboard.press("Enter");
      await until(page, "chat", "rate-limited");
      await page.getByText(/You can go on in [12] second/).waitFor();
      assert.equal(await page.getByRole("button", { name: "Send" }).getAttribute("aria-disabled"), "true");
      await page.keyboard.press("Enter");
      assert.equal(asked, 1);
      await page.getByText("Requests left: 0 of 5").waitFor();
      await until(page, "chat", "idle");
      assert.deepEqual(await said(page), ["That was a little too fast."]);
      assert.equal(await page.getByRole("textbox").inputValue(), "Quick");
      await page.keyboard.press("Enter");
      await until(page, "chat", "done");
      const [{ scope, resetAt }] = await heard(page, "limit");
      assert.equal(scope, "user");
      assert.ok(Math.abs(Date.parse(resetAt) - Date.now()) < 20_000, resetAt);
      await close(page);
    },

    async "offline is said, and it goes on once the line is back"() {
      stand.addon("chat", "text", (task, answer) => answer.delta("Back.").done());
      const page = await open("/offline", addon(stand.url, "chat"), ["chat"]);
      await page.context().setOffline(true);
      await page.getByRole("textbox").fill("Anyone?");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").getByText("You are offline.").waitFor();
      await page.context().setOffline(false);
      await until(page, "chat", "idle");
      assert.equal(await page.getByRole("textbox").inputValue(), "Anyone?");
      await page.keyboard.press("Enter");
      await until(page, "chat", "done");

      // In the middle of an answer.
      stand.addon("chat", "text", holds("chat"));
      await page.getByRole("textbox").fill("And now?");
      await page.keyboard.press("Enter");
      await until(page, "chat", "waiting");
      (await answerOf("chat")).delta("Half");
      await until(page, "chat", "streaming");
      await page.evaluate(() => dispatchEvent(new Event("offline")));
      await until(page, "chat", "offline");
      assert.equal(await page.locator(".answer").last().textContent(), "Half");
      await close(page);
      people.expect(/ERR_INTERNET_DISCONNECTED/);
    },
  });
});
