// Does with Replicate's JavaScript client what it is told.

const { createHash, randomUUID } = require("node:crypto");
const { createInterface } = require("node:readline");
const Replicate = require("replicate");

const { REPLICATE_BASE_URL: baseUrl } = process.env;
const replicate = new Replicate({ baseUrl });

const told = (url, content) => ({
  url,
  sha256: createHash("sha256").update(content).digest("hex"),
  bytes: content.length,
});

async function shown(output) {
  if (output instanceof ReadableStream) {
    return told(`${output.url()}`, Buffer.from(await (await output.blob()).arrayBuffer()));
  }
  if (Array.isArray(output)) return Promise.all(output.map(shown));
  if (output === null || typeof output !== "object") return output;
  const pairs = Object.entries(output).map(async ([name, value]) => [name, await shown(value)]);
  return Object.fromEntries(await Promise.all(pairs));
}

async function attempted(word, order) {
  try {
    return { gave: (await word(order)) ?? null };
  } catch (error) {
    return { raised: error.name, said: error.message, status: error.response?.status ?? null };
  }
}

async function run({ ref, input, file }) {
  const value = file === undefined ? {} : { value: new Blob([file]) };
  return shown(await replicate.run(ref, { input: { ...input, ...value } }));
}

async function create({ deployment, ...asked }) {
  if (deployment === undefined) return replicate.predictions.create(asked);
  const [owner, name] = deployment.split("/");
  return replicate.deployments.predictions.create(owner, name, asked);
}

async function pages() {
  const found = [];
  for await (const page of replicate.paginate(replicate.predictions.list)) {
    found.push(page.map(({ id }) => id));
  }
  return found;
}

async function stream({ ref, input }) {
  const outputs = [];
  for await (const { event, data } of replicate.stream(ref, { input })) {
    if (event === "output") outputs.push([performance.now() / 1000, await shown(data)]);
  }
  return outputs;
}

async function model({ name: fullName }) {
  const [owner, name] = fullName.split("/");
  const found = await replicate.models.get(owner, name);
  const { results } = await replicate.models.versions.list(owner, name);
  return { name: `${found.owner}/${found.name}`, versions: results.map(({ id }) => id) };
}

async function many({ ref, inputs, threads }) {
  const answers = [];
  const left = inputs.entries();
  const work = async () => {
    for (const [place, input] of left) answers[place] = await attempted(run, { ref, input });
  };
  await Promise.all(Array.from({ length: threads }, work));
  return answers;
}

// The client posts again when its connection breaks; every sending of one run brings one key.
const keyed = new Replicate({
  baseUrl,
  fetch: (url, init) => {
    if (init?.method === "POST") init.headers["Idempotency-Key"] ??= randomUUID();
    return fetch(url, init);
  },
});

const words = {
  run,
  create,
  pages,
  stream,
  model,
  many,
  run_once: async ({ ref, input }) => shown(await keyed.run(ref, { input })),
  get: ({ id }) => replicate.predictions.get(id),
  wait: async ({ id }) => replicate.wait(await replicate.predictions.get(id)),
  stranger: () => new Replicate({ baseUrl, auth: "fx_nobody" }).predictions.list(),
  cancel: ({ id }) => replicate.predictions.cancel(id),
  read: async ({ url }) => told(url, Buffer.from(await (await fetch(url)).arrayBuffer())),
  secret: async () => (await replicate.webhooks.default.secret.get()).key,
  validate: async ({ headers, body }) => {
    const { key } = await replicate.webhooks.default.secret.get();
    if (!(await Replicate.validateWebhook({ headers, body }, key))) throw new Error("invalid");
  },
};

(async () => {
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: word, ...order } = JSON.parse(line);
    process.stdout.write(`${JSON.stringify(await attempted(words[word], order))}\n`);
  }
})();
