// Opens intents in the real yaml-language-server, as an editor does, and looks at what its user sees.
//
//     node check_editor.mjs <fluxwright> <node_modules>
//
// Nothing is fetched: the store of schemas is off, and each intent names its schema in the first line. Places are
// written as a text of the file; the cursor is behind it.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const [fluxwright, modules] = process.argv.slice(2).map((file) => path.resolve(file));
const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(path.join(modules, "package.json"));
const rpc = require("vscode-jsonrpc/node");

let passed = 0;
let failed = 0;
function check(what, holds, found) {
  holds ? (passed += 1) : (failed += 1);
  if (!holds) console.log(`FAIL  ${what}\n      ${JSON.stringify(found)}`);
}

/** A running language server. */
class Editor {
  constructor() {
    const server = path.join(modules, "yaml-language-server/bin/yaml-language-server");
    this.process = spawn(process.execPath, [server, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
    this.connection = rpc.createMessageConnection(
      new rpc.StreamMessageReader(this.process.stdout), new rpc.StreamMessageWriter(this.process.stdin));
    this.waiting = new Map();
    const settings = { yaml: { schemaStore: { enable: false }, validate: true, hover: true, completion: true } };
    this.connection.onRequest("workspace/configuration", ({ items }) =>
      items.map(({ section }) => section.split(".").reduce((at, name) => at?.[name], settings) ?? null));
    this.connection.onRequest("client/registerCapability", () => null);
    this.connection.onNotification("textDocument/publishDiagnostics", ({ uri, diagnostics }) =>
      this.waiting.get(uri)?.(diagnostics));
    this.connection.listen();
  }

  async start() {
    await this.connection.sendRequest("initialize", {
      processId: process.pid,
      rootUri: pathToFileURL(project).href,
      capabilities: {
        workspace: { configuration: true, workspaceFolders: true },
        textDocument: {
          hover: { contentFormat: ["markdown"] },
          completion: { completionItem: { documentationFormat: ["markdown"] } },
        },
      },
      workspaceFolders: [{ uri: pathToFileURL(project).href, name: "project" }],
    });
    await this.connection.sendNotification("initialized", {});
  }

  /** Opens a text and waits for its diagnostics; a name that was used before gets another version. */
  async open(file, text) {
    const uri = pathToFileURL(file).href;
    const published = new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`${file}: no diagnostics within a minute`)), 60000);
      this.waiting.set(uri, (found) => {
        clearTimeout(timer);
        done(found);
      });
    });
    await this.connection.sendNotification("textDocument/didOpen", {
      textDocument: { uri, languageId: "yaml", version: 1, text },
    });
    const diagnostics = await published;
    const at = (behind) => position(text, behind);
    const ask = (method, behind) =>
      this.connection.sendRequest(`textDocument/${method}`, { textDocument: { uri }, position: at(behind) });
    return {
      diagnostics,
      complete: async (behind) => (await ask("completion", behind)).items,
      hover: async (behind) => (await ask("hover", behind))?.contents?.value ?? "",
    };
  }

  async stop() {
    await this.connection.sendRequest("shutdown");
    await this.connection.sendNotification("exit");
    this.connection.dispose();
  }
}

function position(text, behind) {
  const start = text.indexOf(behind);
  if (start < 0) throw new Error(`the text has no ${behind}`);
  const lines = text.slice(0, start + behind.length).split("\n");
  return { line: lines.length - 1, character: lines.at(-1).length };
}

const examples = path.join(project, "examples/cluster-repo/clusters");
const prod = path.join(examples, "prod/cluster.yaml");
const good = readFileSync(prod, "utf8");
const modeline = good.split("\n")[0];
let count = 0;
// Beside the example, so that its modeline leads to the schema; nothing is written there.
const scratch = () => path.join(examples, "prod", `scratch-${(count += 1)}.yaml`);

async function valid(editor) {
  for (const cluster of readdirSync(examples)) {
    const file = path.join(examples, cluster, "cluster.yaml");
    const { diagnostics } = await editor.open(file, readFileSync(file, "utf8"));
    check(`${cluster}: no diagnostics`, diagnostics.length === 0, diagnostics);
  }
}

async function faults(editor) {
  const cases = [
    ["a wrong value", "type: Nova", "type: Nowa", "Nowa", "Nova"],
    ["an unknown field", "\n  proxy:", "\n  proxi:", "proxi", "proxi"],
    ["a wrong type", "port: 1540", "port: many", "many", "integer"],
    ["an option of a module", "scanner:\n", "scaner:\n", "scaner", "scaner"],
    ["a port out of range", "port: 1540", "port: 70000", "70000", "65535"],
    ["a pattern", 'kubernetesVersion: "1.28"', 'kubernetesVersion: "28"', '"28"', "1"],
  ];
  for (const [what, right, wrong, underlined, message] of cases) {
    const text = good.replace(right, wrong);
    const { diagnostics } = await editor.open(scratch(), text);
    const end = position(text, wrong.slice(0, wrong.indexOf(underlined) + underlined.length));
    const start = { line: end.line, character: end.character - underlined.length };
    const [first] = diagnostics;
    const fits = diagnostics.length === 1 && first.message.includes(message)
      && JSON.stringify(first.range) === JSON.stringify({ start, end });
    check(`${what} is underlined where it stands`, text !== good && fits, [start, end, diagnostics]);
  }
}

async function completions(editor) {
  const head = good.slice(0, good.indexOf("\nspec:") + 6);
  const spec = (lines) => `${head}\n${lines}`;
  const modules = JSON.parse(readFileSync(path.join(project, "schemas/cluster-intent.draft-07.schema.json"), "utf8"))
    .definitions.Module.properties;
  const options = Object.keys(modules).filter((name) => modules[name].additionalProperties === false && modules[name].properties);
  const cases = [
    ["the sections of spec", spec("  "), "spec:\n  ", ["platform", "gitops", "exposedPorts", "registries", "modules"]],
    ["platforms", spec("  platform:\n    type: "), "    type: ", ["Nova", "Upstream", "Alauda"]],
    ["fields of a port", spec("  exposedPorts:\n    - port: 1\n      "), "port: 1\n      ", ["backend", "protocol", "name"]],
    ["protocols", spec("  exposedPorts:\n    - protocol: "), "protocol: ", ["TCP", "UDP"]],
    ["deliveries", spec("  registries:\n    - pullSecret:\n        delivery:\n          type: "), "          type: ",
      ["Existing", "SOPS", "ExternalSecret", "StarVaultCSI", "SubstituteFrom"]],
    ["names of modules", spec("  modules:\n    - name: "), "- name: ", options],
    ["sections of modules", spec("  modules:\n    - name: x\n      "), "name: x\n      ", ["state", "namespace", ...options]],
    ["options of a module", spec("  modules:\n    - name: x\n      neuvector:\n        "), "neuvector:\n        ",
      Object.keys(modules.neuvector.properties)],
    ["kinds of an empty file", `${modeline}\n`, `${modeline}\n`, ["apiVersion", "kind", "metadata", "spec"]],
    ["the only value of apiVersion", `${modeline}\napiVersion: `, "apiVersion: ", ["fluxwright.dev/v1alpha1"]],
  ];
  for (const [what, text, behind, wanted] of cases) {
    const opened = await editor.open(scratch(), text);
    const labels = (await opened.complete(behind)).map((item) => item.label);
    check(`completion: ${what}`, wanted.length > 0 && wanted.every((label) => labels.includes(label)), [wanted, labels]);
  }
  const text = spec("  platform:\n    delivery: ");
  const item = (await (await editor.open(scratch(), text)).complete("    delivery: ")).find(({ label }) => label === "Offline");
  check("completion explains a value", JSON.stringify(item?.documentation ?? "").includes("closed network"), item);
}

async function hovers(editor) {
  const opened = await editor.open(scratch(), good);
  for (const [behind, wanted] of [
    ["  exposedPor", "TCP and UDP ports that an ingress controller passes through to a Service"],
    ["  gito", "The repository that Flux reads"],
    ["kubernetesVers", 'Minor version of Kubernetes in quotes, as in `"1.28"`'],
    ["platform:\n    typ", "The product. It picks object names"],
    ["delivery:\n          typ", "* `SOPS`: A SOPS-encrypted Secret in the repository"],
  ]) {
    const text = await opened.hover(behind);
    check(`hover behind ${JSON.stringify(behind)}`, text.includes(wanted), text);
  }
}

/** A code of the schema: the editor shows the fault on the line that `check` names. */
async function fixtures(editor) {
  const folder = path.join(project, "tests/invalid");
  const codes = ["unknown-field", "missing-field", "wrong-type", "invalid-value", "unsupported-version"];
  for (const code of codes) {
    const text = readFileSync(path.join(folder, `${code}.yaml`), "utf8");
    const snapshot = readdirSync(path.join(project, "tests/snapshots"))
      .filter((name) => name.endsWith(`@${code}.yaml.snap`))
      .map((name) => readFileSync(path.join(project, "tests/snapshots", name), "utf8"));
    const line = Number(/--> [^\n]*cluster\.yaml:(\d+):/.exec(snapshot[0] ?? "")?.[1]);
    // The first line of a fixture is a comment; the modeline takes its place, so that lines keep their numbers.
    const opened = await editor.open(scratch(), [modeline, ...text.split("\n").slice(1)].join("\n"));
    const lines = opened.diagnostics.map(({ range }) => range.start.line + 1);
    check(`${code}: a diagnostic on line ${line}`, lines.includes(line), opened.diagnostics);
  }
}

/** What `init` writes is right as it is, with the schema that it writes. */
async function init(editor) {
  const folder = mkdtempSync(path.join(tmpdir(), "editor-"));
  try {
    execFileSync(fluxwright, ["--repo", folder, "init", "prod"], { stdio: "ignore" });
    const file = path.join(folder, "clusters/prod/cluster.yaml");
    const text = readFileSync(file, "utf8");
    const opened = await editor.open(file, text);
    check("init: no diagnostics", opened.diagnostics.length === 0, opened.diagnostics);
    const hover = await opened.hover("  gito");
    check("init: hover", hover.includes("The repository that Flux reads"), hover);
    const wrong = await editor.open(path.join(folder, "clusters/prod/wrong.yaml"), text.replace("infra: 1", "infra: 0"));
    check("init: a fault is seen", wrong.diagnostics.length === 1, wrong.diagnostics);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const editor = new Editor();
await editor.start();
for (const part of [valid, faults, completions, hovers, fixtures, init]) await part(editor);
await editor.stop();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
