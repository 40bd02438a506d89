// What the clients of npm are told by a server at the URL that is given, as JSON.
import OpenAI from "openai";
import { Ollama } from "ollama";

const url = process.argv[2];
const told = {};

const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
const fields = { model: "toy", prompt: "the n", max_tokens: 12, seed: 4 };
told.openai = (await openai.completions.create(fields)).choices[0].text;
told.openai_stream = "";
for await (const chunk of await openai.completions.create({ ...fields, stream: true })) {
  told.openai_stream += chunk.choices[0]?.text ?? "";
}
const gap = { prompt: "def area(r):\n    ret", suffix: " * r\n" };
const middle = { model: "toy", ...gap, max_tokens: 6, seed: 4 };
told.openai_middle = (await openai.completions.create(middle)).choices[0].text;

const ollama = new Ollama({ host: url });
const options = { temperature: 1, top_k: 0, top_p: 1, num_predict: 12, seed: 4 };
const asked = { model: "toy", prompt: "the n", options };
told.ollama = (await ollama.generate(asked)).response;
told.ollama_stream = "";
for await (const part of await ollama.generate({ ...asked, stream: true })) {
  told.ollama_stream += part.response;
}
told.ollama_middle = (await ollama.generate({ model: "toy", ...gap, options })).response;

console.log(JSON.stringify(told));
