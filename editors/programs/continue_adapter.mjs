// Ask as Continue's editors do, through the package that their requests go through: autocomplete, then chat.
// node continue_adapter.mjs PACKAGE < asked.json
const { constructLlmApi } = await import(process.argv[2]);
let given = "";
for await (const piece of process.stdin) given += piece;
const asked = JSON.parse(given);
const signal = new AbortController().signal;

const fim = constructLlmApi({ provider: "mistral", apiBase: asked.url + "/v1/", apiKey: "none" });
const hole = { model: asked.model, prompt: asked.prefix, suffix: asked.suffix, max_tokens: asked.max_tokens, temperature: 0, stop: ["\n\n"], stream: true };
let text = "";
for await (const piece of fim.fimStream(hole, signal)) text += piece.choices[0].delta.content ?? "";

const chat = constructLlmApi({ provider: "openai", apiBase: asked.url + "/v1/", apiKey: "none" });
const messages = [{ role: "system", content: "Answer in one word." }, { role: "user", content: "Say hello." }];
let words = 0;
for await (const _ of chat.chatCompletionStream({ model: asked.model, messages, max_tokens: 8, stream: true }, signal)) words += 1;
if (!words) throw new Error("the chat was not answered");
process.stdout.write(text);
