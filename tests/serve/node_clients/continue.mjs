// What Continue's adapters are told by a server at the URL that is given, as JSON.
import { constructLlmApi } from "@continuedev/openai-adapters";

const [url, prompt, suffix] = process.argv.slice(2);
const { signal } = new AbortController();
const limits = { model: "toy", max_tokens: 6, temperature: 0, stream: true };
const told = { middle: "", spelt: "" };

const mistral = constructLlmApi({ provider: "mistral", apiBase: `${url}/v1/`, apiKey: "none" });
for await (const chunk of mistral.fimStream({ prompt, suffix, ...limits }, signal)) {
  told.middle += chunk.choices[0]?.delta?.content ?? "";
}

const vllm = constructLlmApi({ provider: "vllm", apiBase: `${url}/v1/`, apiKey: "none" });
const spelt = `<fim_prefix>${prompt}<fim_suffix>${suffix}<fim_middle>`;
for await (const chunk of vllm.completionStream({ prompt: spelt, ...limits }, signal)) {
  told.spelt += chunk.choices[0]?.text ?? "";
}
const fields = { model: "toy", prompt, max_tokens: 6, seed: 4, stream: false };
told.whole = (await vllm.completionNonStream(fields, signal)).choices[0].text;

console.log(JSON.stringify(told));
